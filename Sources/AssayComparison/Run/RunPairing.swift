import AssayBase
import AssayRuns
import AssayTensors

/// Which tensors of two runs belong together, and what belongs to nothing.
struct RunPairing {
  struct Step {
    var step: Int
    var presence: Presence
    /// In completion order.
    var calls: [Call]
    /// Positions in `calls`, in pre-forward order.
    var preForwardOrder: [Int]
  }

  struct Call {
    var call: ModuleCall
    var presence: Presence
    var pairs: [Pair]
    /// What both runs can show of its inputs.
    var inputCoverage = InputCoverage.all
  }

  struct Pair {
    var slot: Slot
    /// As the expected run names it.
    var device: Device
    var actual: TensorRecord?
    var expected: TensorRecord?
    /// Why an actual tensor stands alone although its name has a counterpart.
    var reason: String?

    /// Why there is nothing to judge, where a run says that it could not record the tensor.
    var notRecorded: String? {
      switch (actual?.notRecorded, expected?.notRecorded) {
      case (let ours?, .some): "neither run recorded it: \(ours)"
      case (let ours?, nil): "the actual run did not record it: \(ours)"
      case (nil, let theirs?): "the expected run did not record it: \(theirs)"
      case (nil, nil): nil
      }
    }
  }

  enum Presence {
    case both, actualOnly, expectedOnly

    init?(actual: Bool, expected: Bool) {
      switch (actual, expected) {
      case (true, true): self = .both
      case (true, false): self = .actualOnly
      case (false, true): self = .expectedOnly
      case (false, false): return nil
      }
    }
  }

  var actual: RunComparison.Side
  var expected: RunComparison.Side
  var steps: [Step] = []
  var failures: [ComparisonFailure] = []
  var notes: [String] = []
  /// What a comparison of no element comes to.
  var failureOfNothing = ComparisonFailure.nothingCompared
  /// Whether the actual run is all that it was to be.
  private(set) var isWhole = true

  /// All pairs in execution order.
  var pairs: [Pair] { steps.flatMap { $0.calls.flatMap(\.pairs) } }

  /// - Parameter ending: How the actual run came to its end.
  init(
    actual: any RunReader, expected: any RunReader, options: ComparisonOptions,
    ending: LiveComparison.Ending = .complete
  ) {
    self.actual = RunComparison.Side(path: actual.path, manifest: actual.manifest)
    self.expected = RunComparison.Side(path: expected.path, manifest: expected.manifest)
    switch ending {
    case .complete: checkCompleteness(actual, options)
    case .stopped: isWhole = false
    case .nothing(let reason):
      isWhole = false
      failureOfNothing = .nothingRecorded(reason: reason)
    }
    checkCompleteness(expected, options)
    checkSelection(actual, expected, options)
    let deviceMap = checkedDeviceMap(actual, expected, options)

    let actualSteps = actual.steps.selected(by: options)
    let expectedSteps = expected.steps.selected(by: options)
    for step in Set(actualSteps.keys).union(expectedSteps.keys).sorted() {
      pair(step, actualSteps[step], expectedSteps[step], deviceMap)
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

  /// Notes one module that is called where the other run has many; the first of each is enough.
  private mutating func noteRepeatedCalls() {
    var seen = Set<String>()
    for step in steps {
      for found in RepeatedCalls.all(in: step) where seen.insert(found.module).inserted {
        guard seen.count <= 3 else { return }
        notes.append(found.text(step: step.step))
      }
    }
  }

  /// Notes where calls were given or returned other values than tensors, which nothing compares.
  private mutating func noteDescriptions(
    _ actual: [Int: StepRecord], _ expected: [Int: StepRecord]
  ) {
    var first: String?
    var count = 0
    for step in expected.keys.sorted() {
      let ours = Dictionary(
        (actual[step]?.calls ?? []).map { ($0.call, $0) }, uniquingKeysWith: { first, _ in first })
      for theirs in expected[step]?.calls ?? [] {
        guard let ours = ours[theirs.call],
          let difference = DescriptionDifference(actual: ours, expected: theirs)
        else { continue }
        count += 1
        let call = theirs.call.call == 0 ? "" : " (call \(theirs.call.call))"
        first = first ?? "step \(step), \(theirs.call.module)\(call): \(difference.text)"
      }
    }
    guard let first else { return }
    let subject = count == 1 ? "1 call has" : "\(count) calls have"
    notes.append("\(subject) other values than tensors that differ, the first in \(first)")
  }

  /// Notes key-value caches, which are described and not recorded.
  private mutating func noteState(_ expected: [Int: StepRecord]) {
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

  private mutating func checkCompleteness(_ run: any RunReader, _ options: ComparisonOptions) {
    guard !run.manifest.isComplete else { return }
    let failure = ComparisonFailure.incompleteRun(path: run.path, steps: run.steps.count)
    if options.steps == nil {
      failures.append(failure)
    } else {
      notes.append("\(run.path) was cut while it was recorded; it has its complete steps only")
    }
  }

  private mutating func checkSelection(
    _ actual: any RunReader, _ expected: any RunReader, _ options: ComparisonOptions
  ) {
    let records = actual.steps + expected.steps
    let steps = Set(records.map(\.step))
    for step in Set(options.steps ?? []).sorted() where !steps.contains(step) {
      failures.append(.stepMatchesNothing(step))
    }
    let selected = options.steps.map(Set.init)
    let modules = Set(
      records.filter { selected?.contains($0.step) ?? true }
        .flatMap { $0.calls.map { ExactName($0.call.module) } })
    for pattern in options.modules ?? []
    where !modules.contains(where: { pattern.matches($0.text) }) {
      failures.append(.patternMatchesNothing(pattern.source))
    }
  }

  private mutating func checkedDeviceMap(
    _ actual: any RunReader, _ expected: any RunReader, _ options: ComparisonOptions
  ) -> [Device: Device] {
    guard !options.deviceMap.isEmpty else { return [:] }
    let actualDevices = actual.steps.devices
    let expectedDevices = expected.steps.devices
    var map: [Device: Device] = [:]
    for entry in options.deviceMap {
      let text = "\(entry.actual)=\(entry.expected)"
      for (device, isActual) in [(entry.actual, true), (entry.expected, false)]
      where !(isActual ? actualDevices : expectedDevices).contains(device) {
        failures.append(
          .deviceMatchesNothing(device: device.name, entry: text, isActual: isActual))
      }
      if map.updateValue(entry.expected, forKey: entry.actual) != nil {
        failures.append(.deviceMappedTwice(entry.actual.name))
      }
    }
    return map
  }

  private mutating func pair(
    _ step: Int, _ actual: StepRecord?, _ expected: StepRecord?, _ deviceMap: [Device: Device]
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
          + "of their names and the first divergence need not be where the error began")
    }
    let actualCalls = actual?.callsByName ?? [:]
    let expectedCalls = expected?.callsByName ?? [:]
    let calls = order.completion.compactMap { call -> Call? in
      let (ours, theirs) = (actualCalls[call], expectedCalls[call])
      return Presence(actual: ours != nil, expected: theirs != nil).map {
        Call(
          call: call, presence: $0,
          pairs: pairs(ours?.tensors ?? [], theirs?.tensors ?? [], deviceMap),
          inputCoverage: max(ours?.inputCoverage ?? .all, theirs?.inputCoverage ?? .all))
      }
    }.map { $0.explained(step: step, presence) }
    let positions = Dictionary(
      calls.enumerated().map { ($1.call, $0) }, uniquingKeysWith: { first, _ in first })
    steps.append(
      Step(
        step: step, presence: presence, calls: calls,
        preForwardOrder: order.preForward.compactMap { positions[$0] }))
  }

  private func pairs(
    _ actual: [TensorRecord], _ expected: [TensorRecord], _ deviceMap: [Device: Device]
  ) -> [Pair] {
    struct Name: Hashable {
      var slot: Slot
      var device: Device
    }
    var pairs: [Pair] = []
    var positions: [Name: Int] = [:]
    for record in expected {
      let name = Name(slot: record.key.slot, device: record.key.device)
      guard positions.updateValue(pairs.count, forKey: name) == nil else { continue }
      pairs.append(Pair(slot: name.slot, device: name.device, expected: record))
    }
    for record in actual {
      let device = deviceMap[record.key.device] ?? record.key.device
      let name = Name(slot: record.key.slot, device: device)
      guard let position = positions[name] else {
        positions[name] = pairs.count
        pairs.append(Pair(slot: name.slot, device: device, actual: record))
        continue
      }
      if let other = pairs[position].actual {
        pairs.append(
          Pair(
            slot: name.slot, device: device, actual: record,
            reason: other.key.device == record.key.device
              ? "the actual run has two tensors of this name"
              : "the device map puts both \(other.key.device) and \(record.key.device) of the "
                + "actual run on \(device)"))
      } else {
        pairs[position].actual = record
      }
    }
    // The sort is stable only by chance, so the position decides between equals.
    return pairs.enumerated().sorted {
      if $0.element.slot != $1.element.slot {
        return NaturalOrder.precedes($0.element.slot, $1.element.slot)
      }
      if $0.element.device != $1.element.device {
        return NaturalOrder.precedes($0.element.device.name, $1.element.device.name)
      }
      return $0.offset < $1.offset
    }.map(\.element)
  }
}

extension RunPairing.Call {
  /// The call with a reason in each of its tensors, where a run lacks the whole call or step.
  fileprivate func explained(step: Int, _ ofStep: RunPairing.Presence) -> RunPairing.Call {
    guard presence != .both else { return self }
    let name = presence == .actualOnly ? "expected" : "actual"
    let lacking =
      ofStep != .both
      ? "no step \(step)"
      : call.call == 0 ? "no call of \(call.module)" : "no call \(call.call) of \(call.module)"
    var explained = self
    for position in pairs.indices where pairs[position].reason == nil {
      explained.pairs[position].reason = "the \(name) run has \(lacking)"
    }
    return explained
  }
}

extension [StepRecord] {
  /// The selected steps with their selected calls.
  fileprivate func selected(by options: ComparisonOptions) -> [Int: StepRecord] {
    let steps = options.steps.map(Set.init)
    var chosen: [Int: StepRecord] = [:]
    for record in self where steps?.contains(record.step) ?? true {
      var selected = options.modules.map { record.selecting($0) } ?? record
      if let sides = options.sides { selected.keep(sides) }
      chosen[record.step] = selected
    }
    return chosen
  }

  /// Where the tensors of all steps lived.
  var devices: Set<Device> {
    Set(flatMap { $0.calls.flatMap { $0.tensors.map(\.key.device) } })
  }
}

extension StepRecord {
  /// The calls by name; one that is listed twice has the tensors of both.
  fileprivate var callsByName: [ModuleCall: CallRecord] {
    Dictionary(calls.map { ($0.call, $0) }) { first, second in
      var both = first
      both.tensors += second.tensors
      both.inputCoverage = max(first.inputCoverage, second.inputCoverage)
      return both
    }
  }

  fileprivate mutating func keep(_ sides: Set<Slot.Side>) {
    for position in calls.indices {
      calls[position].tensors.removeAll { !($0.key.slot.side.map(sides.contains) ?? false) }
      calls[position].descriptions = calls[position].descriptions.filter { sides.contains($0.key) }
    }
  }

  func selecting(_ patterns: [ModulePattern]) -> StepRecord {
    var newPositions: [Int: Int] = [:]
    var kept: [CallRecord] = []
    for (position, record) in calls.enumerated()
    where patterns.contains(where: { $0.matches(record.call.module) }) {
      newPositions[position] = kept.count
      kept.append(record)
    }
    return StepRecord(
      step: step, calls: kept, completionOrder: completionOrder.compactMap { newPositions[$0] },
      isOrderRecorded: isOrderRecorded)
  }
}
