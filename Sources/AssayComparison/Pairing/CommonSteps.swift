import AssayBase
import AssayRuns
import AssayTensors

/// The steps of two runs under common names, and how they came to them.
struct CommonSteps {
  /// The names are the expected run's, but those of the separate modules where the expected run has
  /// them in one, and the actual run's where an expected tensor is sliced.
  private(set) var steps: BothSides<[CommonStep]>
  private(set) var failures: [ComparisonFailure] = []
  /// What the mapping did; `nil` without one.
  private(set) var summary: MappingSummary?

  /// The steps under common names: their own, but for what the mapping and the device map say.
  ///
  /// - Parameter countsLoneCall: Which actual calls are kept that pair with nothing by a mapping.
  init(
    actual: any RunReader, expected: any RunReader, mapping: Mapping?, devices: DeviceMap,
    countsLoneCall: ((CallKey) -> Bool)? = nil
  ) {
    let runs = BothSides(actual: actual, expected: expected)
    guard let mapping else {
      steps = BothSides(
        actual: actual.steps.map { CommonStep($0, devices: devices) },
        expected: expected.steps.map { CommonStep($0, devices: []) })
      return
    }
    var summary = MappingSummary(
      source: mapping.source,
      rules: mapping.rules.map { MappingSummary.Rule(text: $0.text, line: $0.line) })
    var records = BothSides(actual: actual.steps, expected: expected.steps)
    for side in RunSide.allCases {
      for position in records[side].indices {
        records[side][position].drop(mapping.rules, side, &summary)
      }
    }
    steps = BothSides(
      actual: records.actual.map { CommonStep($0, devices: devices) },
      expected: records.expected.map { CommonStep($0, devices: []) })
    var collisions: [ComparisonFailure] = []
    let expectedPositions = Dictionary(
      records.expected.enumerated().map { ($1.index, $0) }, uniquingKeysWith: { first, _ in first })
    for position in records.actual.indices {
      guard let counterpart = expectedPositions[records.actual[position].index] else { continue }
      var pairing = StepPairing(
        mapping.rules, actual: records.actual[position], expected: records.expected[counterpart],
        runs: runs, devices: devices)
      pairing.pair()
      for (rule, count) in pairing.counts { summary.rules[rule].count += count }
      summary.exactCount += pairing.exactCount
      collisions += pairing.collisions
      steps.actual[position] = pairing.named(.actual)
      if let countsLoneCall {
        steps.actual[position].keepCalls { call in
          call.tensors.contains { $0.origin != nil } || countsLoneCall(call.call)
        }
      }
      steps.expected[counterpart] = pairing.named(.expected)
    }
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
    self.summary = summary
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
    keepCalls { record in
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
}
