import AssayBase
import AssayRuns
import AssayTensors

/// Two runs under common names, and how they came to them.
struct MappingResolution {
  /// The names are the expected run's, but those of the separate modules where the expected run has
  /// them in one, and the actual run's where an expected tensor is sliced.
  private(set) var runs: BothSides<MappedRun>
  private(set) var summary: MappingSummary
  private(set) var failures: [ComparisonFailure] = []
  private let origins: [StepPairing.Tensor: PairOrigin]

  init(
    _ mapping: Mapping, actual: any RunReader, expected: any RunReader, _ options: ComparisonOptions
  ) {
    summary = MappingSummary(
      source: mapping.source,
      rules: mapping.rules.map { MappingSummary.Rule(text: $0.text, line: $0.line) })
    var steps = BothSides(actual: actual.steps, expected: expected.steps)
    for side in RunSide.allCases {
      for position in steps[side].indices {
        steps[side][position].drop(mapping.rules, side, &summary)
      }
    }
    var origins: [StepPairing.Tensor: PairOrigin] = [:]
    var sources = BothSides<[TensorKey: MappedRun.Source]>(actual: [:], expected: [:])
    var collisions: [ComparisonFailure] = []
    let expectedPositions = Dictionary(
      steps.expected.enumerated().map { ($1.step, $0) }, uniquingKeysWith: { first, _ in first })
    for position in steps.actual.indices {
      guard let counterpart = expectedPositions[steps.actual[position].step] else { continue }
      var pairing = StepPairing(
        mapping.rules, actual: steps.actual[position], expected: steps.expected[counterpart],
        deviceMap: options.deviceMap)
      pairing.pair()
      for (rule, count) in pairing.counts { summary.rules[rule].count += count }
      summary.exactCount += pairing.exactCount
      collisions += pairing.collisions
      origins.merge(pairing.origins) { first, _ in first }
      steps.actual[position] = pairing.mapped(.actual, &sources.actual)
      if let counts = options.countsLoneCall {
        steps.actual[position].keep { call in
          call.tensors.contains { pairing.origins[$0.name] != nil } || counts(call.call)
        }
      }
      steps.expected[counterpart] = pairing.mapped(.expected, &sources.expected)
    }
    self.origins = origins
    runs = BothSides(
      actual: MappedRun(
        actual, steps: steps.actual, other: expected, mapping: mapping, sources: sources.actual),
      expected: MappedRun(
        expected, steps: steps.expected, other: actual, mapping: mapping,
        sources: sources.expected))
    if let first = collisions.first {
      failures.append(first)
      if collisions.count > 1 { failures.append(.moreMappedTwice(collisions.count - 1)) }
    }
    for (position, rule) in summary.rules.enumerated() where rule.count == 0 {
      failures.append(
        .mappingRuleUnused(
          rule: position, line: rule.line, source: mapping.source, text: rule.text,
          hint: mapping.rules[position].hint(actual: actual, expected: expected)))
    }
  }

  /// Says of every tensor how it found its counterpart.
  ///
  /// - Parameter tensors: A result for every pair, in the order of the pairs.
  func addOrigins(to tensors: inout [TensorResult], of pairing: RunPairing) {
    var position = 0
    for step in pairing.steps {
      for call in step.calls {
        for pair in call.pairs {
          let name = StepPairing.Tensor(step: step.step, call: call.call, slot: pair.slot)
          if pair.actual != nil, pair.expected != nil { tensors[position].pairing = origins[name] }
          position += 1
        }
      }
    }
  }

  /// Whether one of two tensors, once both were read, is floats that a rule made of integers.
  func holdsIntegers(actual: TensorKey, expected: TensorKey) -> Bool {
    runs.actual.holdsIntegers(actual) || runs.expected.holdsIntegers(expected)
  }

  /// What a reader should know of tensors that were compared in part only.
  var notes: [String] {
    RunSide.allCases.compactMap { side in
      let partial = runs[side].partlyRead
      guard
        let first = partial.min(by: { "\($0.key)" < "\($1.key)" })
      else { return nil }
      let subject =
        partial.count == 1
        ? "1 tensor of the \(side.rawValue) run was"
        : "\(partial.count) tensors of the "
          + "\(side.rawValue) run were"
      return
        "\(subject) compared in part only, as mapping rules slice it: \(first.key), "
        + "\(first.taken) of \(first.total) elements"
    }
  }
}

extension MappingRule {
  /// Why it does nothing, where its patterns or equal names tell.
  fileprivate func hint(actual: any RunReader, expected: any RunReader) -> String? {
    let runs = BothSides(actual: actual, expected: expected)
    func modules(_ side: RunSide) -> Set<String> {
      Set(runs[side].steps.flatMap { $0.calls.map(\.call.module) })
    }
    let (sides, pattern): ([RunSide], ModuleRenaming) =
      switch action {
      case .rename(let rename): ([rename.patternSide], rename.pattern)
      case .split(let split): ([split.wholeSide], split.pattern)
      case .drop(let drop): (drop.sides, drop.pattern)
      }
    let names = sides.reduce(into: Set<String>()) { $0.formUnion(modules($1)) }
    let matching = names.filter { pattern.groups(in: $0) != nil }
    guard !matching.isEmpty else {
      // A tolerance rule's pattern would be found there.
      let found = try? ModulePattern(pattern.source)
      return names.filter { found?.matches($0) ?? false }.min {
        ($0.utf8.count, $0) < ($1.utf8.count, $1)
      }
      .map {
        "a mapping's pattern must match a module's whole name, unlike a tolerance rule's, and this "
          + "one matches only a part of names such as \($0); write .* for the rest"
      }
    }
    guard case .rename(let rename) = action else { return nil }
    let others = modules(rename.patternSide.other)
    let name = matching.min { NaturalOrder.precedes($0, $1) }
    guard let name, let groups = pattern.groups(in: name) else { return nil }
    let target = rename.template.name(groups)
    guard others.contains(target) else {
      return
        "it makes \(target) of \(name), and the \(rename.patternSide.other.rawValue) run has no "
        + "module of that name"
    }
    return others.contains(name) || names.contains(target)
      ? "\(name) or \(target) is in both runs, and equal names pair before any rule" : nil
  }
}

extension StepRecord {
  /// Takes out what drop rules name.
  fileprivate mutating func drop(
    _ rules: [MappingRule], _ side: RunSide, _ summary: inout MappingSummary
  ) {
    var drops: [(position: Int, drop: MappingRule.Drop)] = []
    for (position, rule) in rules.enumerated() {
      if case .drop(let drop) = rule.action, drop.sides.contains(side) {
        drops.append((position, drop))
      }
    }
    guard !drops.isEmpty else { return }
    keep { record in
      let matching = drops.filter { $0.drop.pattern.groups(in: record.call.module) != nil }
      var isDropped = false
      var dropsInput = false
      record.tensors.removeAll { tensor in
        let rule = matching.first { $0.drop.slot.map { $0 == tensor.key.slot.rawValue } ?? true }
        guard let rule else { return false }
        summary.rules[rule.position].count += 1
        summary.dropped.append(
          MappingSummary.Dropped(
            key: tensor.key, isActual: side == .actual, rule: rule.position))
        isDropped = true
        if tensor.key.slot.side == .inputs { dropsInput = true }
        return true
      }
      if dropsInput { record.inputCoverage = .partial }
      if record.tensors.isEmpty, let rule = matching.first(where: { $0.drop.slot == nil }) {
        // A call without tensors is left out too, and that is something that the rule did.
        if !isDropped { summary.rules[rule.position].count += 1 }
        return false
      }
      return !(record.tensors.isEmpty && isDropped)
    }
  }

  /// Takes out the calls that `body`, which may change them, says no to.
  fileprivate mutating func keep(_ body: (inout CallRecord) -> Bool) {
    var kept: [CallRecord] = []
    var positions: [Int: Int] = [:]
    for (old, record) in calls.enumerated() {
      var record = record
      guard body(&record) else { continue }
      positions[old] = kept.count
      kept.append(record)
    }
    self = StepRecord(
      step: step, calls: kept, completionOrder: completionOrder.compactMap { positions[$0] },
      isOrderRecorded: isOrderRecorded)
  }
}
