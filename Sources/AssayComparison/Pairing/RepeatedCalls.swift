import AssayRuns
import AssayTensors

/// A module that one run calls several times where the other has a module for each call: shared
/// layers, embeddings or rotary tables.
struct RepeatedCalls: Equatable {
  /// The run that calls one module several times.
  var side: RunSide
  /// The module that is called several times.
  var module: String
  /// How often it is called in the step.
  var count: Int
  /// Its calls that pair with nothing.
  var calls: [Int]
  /// The other run's modules that pair with nothing, in execution order.
  var modules: [String]

  /// Finds them in a step: modules of as many calls as the other run has lone modules whose names
  /// end alike.
  ///
  /// - Complexity: O(calls).
  static func all(in step: RunPairing.Step) -> [RepeatedCalls] {
    RunSide.allCases.flatMap { all(in: step, repeatedIn: $0) }
  }

  /// Finds them in two steps under their own names.
  static func all(in actual: StepRecord, beside expected: StepRecord) -> [RepeatedCalls] {
    let steps = BothSides(
      actual: CommonStep(actual, devices: []),
      expected: CommonStep(expected, devices: []))
    let calls = BothSides(
      actual: Set(steps.actual.preForward), expected: Set(steps.expected.preForward))
    let all = MergedOrder(base: steps.expected, other: steps.actual).preForward
    return Self.all(
      in: RunPairing.Step(
        index: actual.index, presence: .both,
        calls: all.compactMap { call in
          Presence(actual: calls.actual.contains(call), expected: calls.expected.contains(call))
            .map { RunPairing.Call(call: call, presence: $0, pairs: 0..<0) }
        }, preForwardOrder: []))
  }

  private static func all(in step: RunPairing.Step, repeatedIn side: RunSide) -> [RepeatedCalls] {
    let lone = BothSides<Presence>(actual: .actualOnly, expected: .expectedOnly)
    var counts: [String: Int] = [:]
    var calls: [String: [Int]] = [:]
    var order: [String] = []
    var families: [ModuleKind: [String]] = [:]
    var paired = Set<String>()
    for call in step.calls {
      if call.presence != lone[side.other] { counts[call.call.module, default: 0] += 1 }
      if call.presence == .both { paired.insert(call.call.module) }
      if call.presence == lone[side] {
        if calls[call.call.module] == nil { order.append(call.call.module) }
        calls[call.call.module, default: []].append(call.call.index)
      } else if call.presence == lone[side.other], call.call.index == 0 {
        families[ModuleKind(call.call.module), default: []].append(call.call.module)
      }
    }
    // Families by what their names end in, so that no module is held against all others.
    let byEnd = Dictionary(grouping: families.filter { !$0.value.isEmpty }) { lastPart($0.key) }
    return order.compactMap { module in
      guard let count = counts[module], count > 1, let own = calls[module]?.sorted() else {
        return nil
      }
      let kind = ModuleKind(module)
      let fitting = (byEnd[lastPart(kind)] ?? []).filter {
        $0.value.count == own.count && !$0.value.contains(module)
      }
      let best = fitting.min { first, second in
        let shared = [first, second].map { sharedEnd($0.key, kind) }
        return shared[0] == shared[1] ? first.key < second.key : shared[0] > shared[1]
      }
      return best.map {
        RepeatedCalls(
          side: side, module: module, count: max(count, (own.last ?? 0) + 1), calls: own,
          modules: $0.value)
      }
    }
  }

  private static func lastPart(_ kind: ModuleKind) -> Substring {
    kind.name.split(separator: ".", omittingEmptySubsequences: false).last ?? ""
  }

  private static func sharedEnd(_ first: ModuleKind, _ second: ModuleKind) -> Int {
    zip(first.name.split(separator: ".").reversed(), second.name.split(separator: ".").reversed())
      .prefix { $0 == $1 }.count
  }

  /// What it is and why a mapping does not mend it, in one sentence.
  func text(step: Int) -> String {
    let names =
      modules.count <= 3
      ? modules.joined(separator: ", ") : "\(modules[0]), \(modules[1]), … \(modules.last ?? "")"
    let numbers = calls.count == 1 ? "call \(calls[0])" : "calls \(calls[0]) to \(calls.last ?? 0)"
    return
      "step \(step): the \(side.rawValue) run calls one module \(count) times, \(module), where the "
      + "\(side.other.rawValue) run has a module for each call, \(names); its \(numbers) and these "
      + "\(modules.count == 1 ? "is" : "are") missing on the other side; a rule of a mapping can say which "
      + "call is which module: '\(module):(\\d+)' with a name that has \\1 in it"
  }
}
