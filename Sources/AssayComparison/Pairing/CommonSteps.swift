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
      rules: mapping.rules.map {
        MappingSummary.Rule(text: $0.text, line: $0.line, isOptional: $0.isOptional)
      })
    var records = BothSides(actual: actual.steps, expected: expected.steps)
    for side in RunSide.allCases {
      for position in records[side].indices {
        records[side][position].drop(mapping.rules, side, side == .actual ? devices : [], &summary)
      }
    }
    steps = BothSides(
      actual: records.actual.map { CommonStep($0, devices: devices) },
      expected: records.expected.map { CommonStep($0, devices: []) })
    var dropped = BothSides<Set<StepPairing.CallSide>>(actual: [], expected: [])
    for tensor in summary.dropped {
      guard let side = tensor.key.slot.side else { continue }
      dropped[tensor.isActual ? .actual : .expected].insert(
        StepPairing.CallSide(call: tensor.key.call, side: side))
    }
    var collisions: [ComparisonFailure] = []
    let expectedPositions = Dictionary(
      records.expected.enumerated().map { ($1.index, $0) }, uniquingKeysWith: { first, _ in first })
    for position in records.actual.indices {
      guard let counterpart = expectedPositions[records.actual[position].index] else { continue }
      var pairing = StepPairing(
        mapping, actual: records.actual[position], expected: records.expected[counterpart],
        runs: runs, devices: devices, dropped: dropped)
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
    for (position, rule) in summary.rules.enumerated() where rule.count == 0 && !rule.isOptional {
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
    func calls(_ side: RunSide) -> [CallKey] { runs[side].steps.flatMap { $0.calls.map(\.call) } }
    func modules(_ side: RunSide) -> Set<String> { Set(calls(side).map(\.module)) }
    let (sides, pattern): ([RunSide], CallPattern) =
      switch action {
      case .pair(let pair): ([pair.patternSide], pair.pattern)
      case .drop(let drop): (drop.sides, drop.pattern)
      }
    let matching = sides.flatMap(calls).filter { pattern.groups(of: $0) != nil }
    guard let first = matching.min(by: { NaturalOrder.precedes($0.module, $1.module) }) else {
      // A tolerance rule's pattern would be found there.
      let found = try? ModulePattern(pattern.source)
      return Set(sides.flatMap(modules)).filter { found?.matches($0) ?? false }.min {
        ($0.utf8.count, $0) < ($1.utf8.count, $1)
      }
      .map {
        "a mapping's pattern must match a module's whole name, unlike a tolerance rule's, and this "
          + "one matches only a part of names such as \($0); write .* for the rest"
      }
    }
    guard let pair, pair.others.count == 1, let target = pair.others(of: first)?.first else {
      return nil
    }
    let (name, other) = (first.module, target.module)
    let others = modules(pair.patternSide.other)
    guard others.contains(other) else {
      return
        "it makes \(other) of \(name), and the \(pair.patternSide.other.rawValue) run has no "
        + "module of that name"
    }
    return others.contains(name) || modules(pair.patternSide).contains(other)
      ? "\(name) or \(other) is in both runs, and equal names pair before any rule that does not say "
        + "before_names: true" : nil
  }
}

extension StepRecord {
  /// Takes out what drop rules name.
  fileprivate mutating func drop(
    _ rules: [MappingRule], _ side: RunSide, _ devices: DeviceMap, _ summary: inout MappingSummary
  ) {
    var drops: [(position: Int, drop: MappingRule.Drop, device: Device?)] = []
    for (position, rule) in rules.enumerated() where rule.scope.covers(step: index) {
      if case .drop(let drop) = rule.action, drop.sides.contains(side) {
        drops.append((position, drop, rule.scope.device))
      }
    }
    guard !drops.isEmpty else { return }
    keepCalls { record in
      let matching = drops.filter { $0.drop.pattern.groups(of: record.call) != nil }
      var isDropped = false
      var dropsInput = false
      record.tensors.removeAll { tensor in
        let device = devices.expected(of: tensor.key.device)
        let rule = matching.first { rule in
          (rule.device.map { $0 == device } ?? true)
            && rule.drop.slots?.contains { $0.groups(in: tensor.key.slot) != nil } ?? true
        }
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
      if record.tensors.isEmpty, let rule = matching.first(where: { $0.drop.slots == nil }) {
        // A call without tensors is left out too, and that is something that the rule did.
        if !isDropped { summary.rules[rule.position].count += 1 }
        return false
      }
      return !(record.tensors.isEmpty && isDropped)
    }
  }
}
