import AssayBase
package import AssayRuns
import AssayTensors

/// One of the two runs that are compared.
package struct ComparedRun: Sendable {
  /// The directory or file that holds the run.
  package var path: String
  /// What the run says about itself.
  package var manifest: RunManifest
  /// Of which ranks it is, where it is a group.
  package var ranks: RankSummary?
}

/// How a run that is compared as it is produced came to its end.
package enum RunEnding: Sendable, Hashable {
  /// It did all it was to do.
  case complete
  /// It was stopped at its first divergence: only what was reached is judged.
  case stopped
  /// The model announced nothing.
  case nothing(reason: String)
}

/// Which tensors of two runs belong together, and what belongs to nothing.
struct RunPairing {
  struct Step {
    var index: Int
    var presence: Presence
    /// In completion order.
    var calls: [Call]
    /// Positions in `calls`, in pre-forward order.
    var preForwardOrder: [Int]
  }

  struct Call {
    var call: CallKey
    var presence: Presence
    /// Positions in the pairing's pairs.
    var pairs: Range<Int>
    /// What both runs can show of its inputs.
    var inputCoverage = InputCoverage.all
  }

  var actual: ComparedRun
  var expected: ComparedRun
  var steps: [Step] = []
  /// The pairs of all calls, in execution order.
  var pairs: [TensorPair] = []
  var failures: [ComparisonFailure] = []
  var notes: [String] = []
  /// What a comparison of no element comes to.
  var failureOfNothing = ComparisonFailure.nothingCompared
  /// Whether the actual run is all that it was to be.
  private(set) var isWhole = true

  /// - Parameters:
  ///   - steps: The steps of both runs under common names.
  ///   - ending: How the actual run came to its end.
  init(
    actual: ComparedRun, expected: ComparedRun, steps: BothSides<[CommonStep]>,
    options: ComparisonOptions, ending: RunEnding = .complete
  ) {
    self.actual = actual
    self.expected = expected
    switch ending {
    case .complete: checkCompleteness(actual, steps.actual, options)
    case .stopped: isWhole = false
    case .nothing(let reason):
      isWhole = false
      failureOfNothing = .nothingRecorded(reason: reason)
    }
    checkCompleteness(expected, steps.expected, options)
    checkSelection(steps.actual + steps.expected, options)
    if !options.deviceMap.isEmpty {
      failures += options.deviceMap.failures(
        actual: steps.actual.devices, expected: steps.expected.devices)
    }
    var actualSteps = steps.actual.selected(by: options)
    let expectedSteps = steps.expected.selected(by: options)
    if expected.manifest.holdsChosen(of: actual.manifest) {
      noteUnheld(actualSteps.keepHeld(by: expectedSteps))
    }
    for step in Set(actualSteps.keys).union(expectedSteps.keys).sorted() {
      pair(step, actualSteps[step], expectedSteps[step])
    }
    checkExtraSteps(actualSteps.count, expectedSteps.count)
    noteRepeatedCalls()
    noteDescriptions(actualSteps, expectedSteps)
    noteState(expectedSteps)
  }

  private mutating func checkExtraSteps(_ actual: Int, _ expected: Int) {
    guard actual > expected, expected > 0 else { return }
    failures.append(.extraSteps(ran: actual, expected: expected))
  }

  /// Notes how much of a run a fixture has nothing to say about.
  private mutating func noteUnheld(_ count: (unheld: Int, all: Int)) {
    guard count.unheld > 0 else { return }
    notes.append(
      "the expected run is a fixture, which has chosen tensors only: \(count.unheld) of the "
        + "\(count.all) tensors of the actual run were not held to anything")
  }

  /// Notes one module that is called where the other run has many; the first of each is enough.
  private mutating func noteRepeatedCalls() {
    var seen = Set<String>()
    for step in steps {
      for found in RepeatedCalls.all(in: step) where seen.insert(found.module).inserted {
        guard seen.count <= 3 else { return }
        notes.append(found.text(step: step.index))
      }
    }
  }

  /// Notes where calls were given or returned other values than tensors, which nothing compares.
  private mutating func noteDescriptions(
    _ actual: [Int: CommonStep], _ expected: [Int: CommonStep]
  ) {
    var first: String?
    var count = 0
    for step in expected.keys.sorted() {
      let ours = Dictionary(
        (actual[step]?.calls ?? []).map { ($0.call, $0) }, uniquingKeysWith: { first, _ in first })
      for theirs in expected[step]?.calls ?? [] {
        guard let ours = ours[theirs.call] else { continue }
        let mapped = ours.mappedSides.union(theirs.mappedSides)
        guard
          let difference = DescriptionDifference(
            actual: ours.descriptions.filter { !mapped.contains($0.key) },
            expected: theirs.descriptions)
        else { continue }
        count += 1
        let call = theirs.call.index == 0 ? "" : " (call \(theirs.call.index))"
        first = first ?? "step \(step), \(theirs.call.module)\(call): \(difference.text)"
      }
    }
    guard let first else { return }
    let subject = count == 1 ? "1 call has" : "\(count) calls have"
    notes.append("\(subject) other values than tensors that differ, the first in \(first)")
  }

  /// Notes key-value caches, which are described and not recorded.
  private mutating func noteState(_ expected: [Int: CommonStep]) {
    var types: Set<String> = []
    var count = 0
    for step in expected.values {
      for call in step.calls {
        let states = call.descriptions.flatMap { side, description in
          description.describedObjects(at: Slot(side.rawValue)).filter(\.isState)
        }
        types.formUnion(states.map(\.type))
        if !states.isEmpty { count += 1 }
      }
    }
    guard count > 0 else { return }
    notes.append(
      "\(count == 1 ? "1 call was" : "\(count) calls were") handed or returned a "
        + "\(types.sorted().joined(separator: ", ")), whose tensors are not recorded: they are "
        + "compared where modules make and use them")
  }

  private mutating func checkCompleteness(
    _ run: ComparedRun, _ steps: [CommonStep], _ options: ComparisonOptions
  ) {
    guard !run.manifest.isComplete else { return }
    let failure = ComparisonFailure.incompleteRun(path: run.path, steps: steps.count)
    // By rows what a cut run lacks is counted, row by row.
    if options.steps == nil, !options.isByRows {
      failures.append(failure)
    } else {
      notes.append("\(run.path) was cut while it was recorded; it has its complete steps only")
    }
  }

  private mutating func checkSelection(_ records: [CommonStep], _ options: ComparisonOptions) {
    let steps = Set(records.map(\.index))
    for step in Set(options.steps ?? []).sorted() where !steps.contains(step) {
      failures.append(.stepMatchesNothing(step))
    }
    let selected = options.steps.map(Set.init)
    let modules = Set(
      records.filter { selected?.contains($0.index) ?? true }
        .flatMap { $0.calls.map { ExactName($0.call.module) } })
    for pattern in options.modules ?? []
    where !modules.contains(where: { pattern.matches($0.text) }) {
      failures.append(.patternMatchesNothing(pattern.source))
    }
  }

  private mutating func pair(
    _ step: Int, _ actual: CommonStep?, _ expected: CommonStep?
  ) {
    guard
      let presence = Presence(actual: actual != nil, expected: expected != nil),
      let base = expected ?? actual
    else { return }
    // The expected order counts, unless only the actual one was recorded.
    let actualLeads = !base.isOrderRecorded && actual?.isOrderRecorded == true
    let leading = actualLeads ? actual ?? base : base
    let order = MergedOrder(base: leading, other: actualLeads ? base : actual)
    if presence == .both, order.isContradicted {
      notes.append(
        "step \(step): the runs called their common modules in different orders; the expected "
          + "run's order is shown")
    }
    if presence == .both, !leading.isOrderRecorded {
      notes.append(
        "step \(step): neither run recorded the order of execution, so modules stand in the order "
          + "of their names, or of the .npz that they come from, and the first divergence need not be where the error began"
      )
    }
    let actualCalls = actual?.callsByName ?? [:]
    let expectedCalls = expected?.callsByName ?? [:]
    let calls = order.completion.compactMap { call -> Call? in
      let (ours, theirs) = (actualCalls[call], expectedCalls[call])
      guard let ofCall = Presence(actual: ours != nil, expected: theirs != nil) else { return nil }
      let first = pairs.count
      let lacking = Self.lacking(call, ofCall, step: step, presence)
      for var pair in paired(ours?.tensors ?? [], theirs?.tensors ?? []) {
        pair.reason = pair.reason ?? lacking
        pairs.append(pair)
      }
      return Call(
        call: call, presence: ofCall, pairs: first..<pairs.count,
        inputCoverage: max(ours?.inputCoverage ?? .all, theirs?.inputCoverage ?? .all))
    }
    let positions = Dictionary(
      calls.enumerated().map { ($1.call, $0) }, uniquingKeysWith: { first, _ in first })
    steps.append(
      Step(
        index: step, presence: presence, calls: calls,
        preForwardOrder: order.preForward.compactMap { positions[$0] }))
  }

  private func paired(
    _ actual: [CommonStep.NamedTensor], _ expected: [CommonStep.NamedTensor]
  ) -> [TensorPair] {
    var pairs: [TensorPair] = []
    var positions: [PairName: Int] = [:]
    for tensor in expected where positions[PairName(tensor)] == nil {
      positions[PairName(tensor)] = pairs.count
      pairs.append(
        TensorPair(
          key: tensor.key, sides: BothSides(actual: nil, expected: tensor.source),
          reason: tensor.reason))
    }
    for tensor in actual {
      let lone = TensorPair(
        key: tensor.key, sides: BothSides(actual: tensor.source, expected: nil),
        reason: tensor.reason)
      guard let position = positions[PairName(tensor)] else {
        positions[PairName(tensor)] = pairs.count
        pairs.append(lone)
        continue
      }
      guard let other = pairs[position].actual?.key.device else {
        pairs[position].sides.actual = tensor.source
        pairs[position].origin = tensor.origin
        continue
      }
      let device = tensor.source.record.key.device
      pairs.append(lone)
      pairs[pairs.count - 1].reason =
        other == device
        ? "the actual run has two tensors of this name"
        : "the device map puts both \(other) and \(device) of the actual run on "
          + "\(tensor.key.device)"
    }
    // The sort is stable only by chance, so the position decides between equals.
    return pairs.enumerated().sorted {
      let (first, second) = ($0.element.key, $1.element.key)
      if first.slot != second.slot { return NaturalOrder.precedes(first.slot, second.slot) }
      if first.device != second.device {
        return NaturalOrder.precedes(first.device.name, second.device.name)
      }
      return $0.offset < $1.offset
    }.map(\.element)
  }
}

/// What both tensors of a pair have in common.
private struct PairName: Hashable {
  var key: TensorKey
  var isBesidePair: Bool

  init(_ tensor: CommonStep.NamedTensor) {
    key = tensor.key
    isBesidePair = tensor.isBesidePair
  }
}

extension RunPairing {
  /// Why tensors of a call have no counterpart, where a run lacks the whole call or step.
  private static func lacking(
    _ call: CallKey, _ ofCall: Presence, step: Int, _ ofStep: Presence
  ) -> String? {
    guard ofCall != .both else { return nil }
    let lacking =
      ofStep != .both
      ? "no step \(step)"
      : call.index == 0 ? "no call of \(call.module)" : "no call \(call.index) of \(call.module)"
    return "the \(ofCall == .actualOnly ? "expected" : "actual") run has \(lacking)"
  }
}

extension [CommonStep] {
  /// The selected steps with their selected calls.
  fileprivate func selected(by options: ComparisonOptions) -> [Int: CommonStep] {
    let steps = options.steps.map(Set.init)
    var chosen: [Int: CommonStep] = [:]
    for var step in self where steps?.contains(step.index) ?? true {
      if let patterns = options.modules {
        step.keepCalls { call in patterns.contains { $0.matches(call.call.module) } }
      }
      if let sides = options.sides { step.keep(sides) }
      chosen[step.index] = step
    }
    return chosen
  }

  /// Where the tensors of all steps lived, as their own run names it.
  fileprivate var devices: Set<Device> {
    Set(flatMap { $0.calls.flatMap { $0.tensors.map(\.source.record.key.device) } })
  }
}
