import AssayRuns
import AssayTensors

/// What was received of a run so far: its records and what its tensors came to.
struct LiveSteps: Sendable {
  fileprivate struct Step {
    /// The calls in the order in which they were first heard of.
    var arrivals: [CallKey] = []
    var calls: [CallKey: CallRecord] = [:]
    var sides: [CallKey: Set<Slot.Side>] = [:]
    var results: [TensorKey: TensorResult] = [:]
    /// Ranks of failing tensors with figures, ascending.
    var failures: [Int] = []
    /// The step as it ended.
    var record: StepRecord?
  }

  private var steps: [Int: Step] = [:]

  var hasOpenSteps: Bool { steps.values.contains { $0.record == nil } }
  var endedStepCount: Int { steps.values.count { $0.record != nil } }

  mutating func begin(_ step: Int) {
    steps[step] = Step()
  }

  mutating func discard(_ step: Int) {
    steps[step] = nil
  }

  /// Adds one side of a call.
  ///
  /// - Returns: Whether nothing of it was received before.
  @discardableResult
  mutating func add(_ part: CallPart, results: [(TensorKey, TensorResult)]) -> Bool {
    var step = steps[part.call.step] ?? Step()
    steps[part.call.step] = nil
    defer { steps[part.call.step] = step }
    var record = step.calls[part.call] ?? CallRecord(call: part.call)
    if step.calls[part.call] == nil { step.arrivals.append(part.call) }
    step.sides[part.call, default: []].insert(part.side)
    if record.descriptions[part.side] == nil { record.descriptions[part.side] = part.description }
    if let coverage = part.inputCoverage { record.inputCoverage = coverage }
    let known = Set(record.tensors.map(\.key))
    let added = part.tensors.map(part.record)
    record.tensors += added
    step.calls[part.call] = record
    for (key, result) in results where step.results[key] == nil { step.results[key] = result }
    return Set(added.map(\.key)).count == added.count && known.isDisjoint(with: added.map(\.key))
  }

  /// Adds a failing tensor.
  ///
  /// - Returns: Whether fewer than `limit` failing tensors are known to come before it.
  mutating func addFailure(rank: Int, step: Int, limit: Int) -> Bool {
    let earlier = steps.reduce(0) { $1.key == step ? $0 : $0 + $1.value.count(below: rank) }
    let position = steps[step]?.count(below: rank) ?? 0
    guard earlier + position < limit else { return false }
    steps[step, default: Step()].failures.insert(rank, at: position)
    return true
  }

  /// Completes a step; calls of which something was received and that are not listed come last.
  mutating func end(
    _ number: Int, calls: [CallKey], completionOrder: [Int], isOrderRecorded: Bool
  ) -> StepRecord {
    var step = steps[number] ?? Step()
    var rest = step.calls
    let listed = calls.map { rest.removeValue(forKey: $0) ?? CallRecord(call: $0) }
    let unlisted = step.arrivals.compactMap { rest[$0] }
    let record = StepRecord(
      index: number, calls: listed + unlisted, completionOrder: completionOrder,
      isOrderRecorded: isOrderRecorded)
    step.record = record
    steps[number] = step
    return record
  }

  /// The steps, ascending.
  ///
  /// - Parameter withOpenSteps: Whether those that did not end are among them; the order of their
  ///   calls is then not known.
  func records(withOpenSteps: Bool) -> [StepRecord] {
    steps.sorted { $0.key < $1.key }.compactMap { number, step in
      if let record = step.record { return record }
      guard withOpenSteps else { return nil }
      return StepRecord(
        index: number, calls: step.arrivals.compactMap { step.calls[$0] }, isOrderRecorded: false)
    }
  }

  func result(of key: TensorKey) -> TensorResult? { steps[key.step]?.results[key] }

  /// Whether a run that was stopped came as far as one side of a call.
  func hasReached(_ side: Slot.Side?, of call: CallKey, step: Int) -> Bool {
    guard let step = steps[step] else { return false }
    if step.record != nil { return true }
    guard let sides = step.sides[call] else { return false }
    return side.map(sides.contains) ?? false
  }
}

extension LiveSteps.Step {
  /// How many failing tensors come before a rank.
  fileprivate func count(below rank: Int) -> Int {
    var (low, high) = (0, failures.count)
    while low < high {
      let middle = (low + high) / 2
      if failures[middle] < rank { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension CallPart {
  /// What a run that holds the part would say of one of its tensors.
  func record(of captured: CapturedTensor) -> TensorRecord {
    let content: TensorRecord.Content =
      switch captured {
      case .stored: .stored
      case .skipped(_, let note): .skipped(note)
      case .notRecorded(_, _, let reason): .notRecorded(reason: reason)
      }
    return TensorRecord(
      key: TensorKey(
        call, device: captured.device,
        slot: captured.slot),
      content: content)
  }
}

extension RunPairing {
  /// Drops what a run that was stopped did not come to.
  mutating func keepWhatWasReached(_ received: LiveSteps) {
    var reached: [TensorPair] = []
    steps = steps.compactMap { step in
      guard step.presence != .expectedOnly else { return nil }
      var kept = step
      var positions: [Int: Int] = [:]
      kept.calls = []
      for (position, call) in step.calls.enumerated() {
        let hasReached = { (side: Slot.Side?) in
          received.hasReached(side, of: call.call, step: step.index)
        }
        if call.presence == .expectedOnly, !hasReached(.inputs) { continue }
        let first = reached.count
        reached += pairs[call.pairs].filter { $0.actual != nil || hasReached($0.key.slot.side) }
        positions[position] = kept.calls.count
        kept.calls.append(call)
        kept.calls[kept.calls.count - 1].pairs = first..<reached.count
      }
      kept.preForwardOrder = step.preForwardOrder.compactMap { positions[$0] }
      return kept
    }
    pairs = reached
    notes.append("the run was stopped at its first divergence; what follows was not judged")
  }
}
