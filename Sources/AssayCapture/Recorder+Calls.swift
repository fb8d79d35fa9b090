import AssayBase
import AssayRuns
import AssayTensors
import Synchronization

// What a probe calls. Work is queued under the lock of the state, so that what several tasks
// announce reaches the sink in one sound order: nothing of a call comes after its step's end.

extension Recorder {
  func beginStep() throws {
    try state.withLock { state in
      if state.isFinished { throw CaptureError.finished }
      if state.isInStep { throw CaptureError.stepUnderWay(step: state.step) }
      if configuration.includes(step: state.step) {
        try background?.receive(.stepBegan(state.step))
      }
      state.isInStep = true
      state.generation += 1
      state.isRecordedStep = configuration.includes(step: state.step)
      state.callCounts.removeAll(keepingCapacity: true)
      state.calls.removeAll(keepingCapacity: true)
      state.completionOrder.removeAll(keepingCapacity: true)
      state.keptAlive.removeAll()
      state.tallyBeforeStep = state.tally
    }
  }

  /// Ends the step, and waits until the sink has it.
  func endStep(rows: StepRows?) throws {
    let ended = Result { try closeStep(rows) }
    try background?.drain()
    try ended.get()
  }

  /// Ends the step, and suspends the task until the sink has it.
  func endStep(rows: StepRows?) async throws {
    let ended = Result { try closeStep(rows) }
    try await background?.idleness()
    try ended.get()
  }

  private func closeStep(_ rows: StepRows?) throws {
    try state.withLock { state in
      if let module = state.callUnderWay {
        discardStep(&state)
        throw CaptureError.callUnderWay(module: module, step: state.step)
      }
      let step = state.step
      state.isInStep = false
      state.step += 1
      guard state.isRecordedStep else { return }
      try background?.receive(
        .stepEnded(
          step, calls: state.calls, completionOrder: state.completionOrder, rows: rows))
    }
  }

  /// Lets go of the step, and waits until the sink has too.
  func discardStep() {
    state.withLock { discardStep(&$0) }
    // The forward's own error is thrown; the sink's is by what comes next.
    try? background?.drain()
  }

  /// Lets go of the step, and suspends the task until the sink has too.
  func discardStep() async {
    state.withLock { discardStep(&$0) }
    try? await background?.idleness()
  }

  /// Suspends the task while more waits to be written than may.
  func room() async throws {
    guard let background, background.isOverfull else { return }
    try await background.room()
  }

  private func discardStep(_ state: inout State) {
    state.isInStep = false
    state.tally = state.tallyBeforeStep
    // The error of a sink that failed before is thrown by what comes next.
    if state.isRecordedStep { try? background?.receive(.stepDiscarded(state.step)) }
  }

  /// Counts a call and begins it.
  ///
  /// - Parameter suspends: Whether who calls is suspended while there is no room, by ``room()``.
  /// - Returns: The call's position in its step, or `nil` for one that is not recorded.
  func beginCall(_ module: String, suspends: Bool = false) throws -> RecordedCall? {
    try state.withLock { state throws(CaptureError) in
      guard state.isInStep else {
        throw state.isFinished ? .finished : .callOutsideStep(module: module)
      }
      guard state.isRecordedStep else { return nil }
      let call = CallKey(
        step: state.step, module: module, index: state.callCounts[module, default: 0])
      state.callCounts[module] = call.index + 1
      let selection =
        if let known = state.selections[module] { known } else { try select(module) }
      state.selections[module] = selection
      guard selection.calls == .all || selection.calls == .only(call.index) else { return nil }
      if let rule = selection.rule { state.tally.decidingRules.insert(rule) }
      state.tally.hasCalls = true
      state.calls.append(call)
      return RecordedCall(
        key: call, position: state.calls.count - 1, generation: state.generation,
        suspends: suspends)
    }
  }

  private func select(
    _ module: String
  ) throws(CaptureError) -> (calls: ModuleFilter.Selection, rule: Int?) {
    do {
      return try configuration.modules.selection(of: module)
    } catch {
      throw .invalidValue(
        key: "module_call_match", value: error.pattern, reason: error.description)
    }
  }

  func endCall(_ call: RecordedCall) {
    state.withLock { state in
      guard state.isUnderWay(call) else { return }
      state.completionOrder.append(call.position)
    }
  }

  func record(_ call: RecordedCall, _ side: Slot.Side, _ arguments: CallArguments) throws {
    try record(
      call, side, arguments.tensors(on: side), arguments.unrecorded(on: side),
      description: arguments.description)
  }

  func record(_ call: RecordedCall, _ side: Slot.Side, _ value: CapturedValue) throws {
    let root = Slot(side.rawValue)
    try record(
      call, side, value.tensors(in: root), value.unrecorded(in: root),
      description: value.description)
  }

  private func record(
    _ call: RecordedCall, _ side: Slot.Side, _ tensors: [(slot: Slot, tensor: Tensor)],
    _ unrecorded: [CapturedTensor], description: JSONValue
  ) throws {
    let wanted = tensors.filter { configuration.includes(device: $0.tensor.device) }
    let lacking = unrecorded.filter { configuration.includes(device: $0.device) }
    state.withLock { state in
      if !wanted.isEmpty { state.tally.hasTensors = true }
      if wanted.count < tensors.count {
        let devices = tensors.map(\.tensor.device).filter { !configuration.includes(device: $0) }
        state.tally.excludedDevices.formUnion(devices)
      }
    }
    let limit = configuration.maxTensorSize ?? .max
    let byteCount = wanted.reduce(0) {
      $0 + ($1.tensor.elementCount > limit ? 0 : $1.tensor.byteCount)
    }
    if call.suspends {
      try background?.take(byteCount)
    } else {
      try background?.reserve(byteCount)
    }
    let captured = wanted.map { slot, tensor -> CapturedTensor in
      // A storage never changes; only one that holds more than the tensor is not to be kept alive.
      guard tensor.elementCount > limit else { return .stored(slot, tensor.contiguous()) }
      let reason = "Tensor too large: \(tensor.elementCount) elements, max_tensor_size is \(limit)"
      return .skipped(
        slot,
        SkippedTensor(
          dtype: tensor.dtype, shape: tensor.shape, device: tensor.device, reason: reason))
    }
    let part = CallPart(
      call: call.key, side: side, description: description,
      tensors: captured + lacking)
    try state.withLock { state in
      guard state.isUnderWay(call) else {
        background?.release(byteCount)
        throw CaptureError.callOutsideStep(module: call.key.module)
      }
      try background?.receive(.captured(part))
    }
  }

  /// Keeps what outputs point into until the next step begins.
  func keepAlive(_ tensors: [Tensor]) {
    guard !tensors.isEmpty else { return }
    state.withLock { $0.keptAlive += tensors }
  }
}

extension Recorder.State {
  /// Whether a call belongs to the step under way: a task that nobody awaited may outlive its own.
  func isUnderWay(_ call: RecordedCall) -> Bool {
    isInStep && generation == call.generation
  }

  /// A module whose call has not ended.
  var callUnderWay: String? {
    guard completionOrder.count < calls.count else { return nil }
    let ended = Set(completionOrder)
    return calls.indices.first { !ended.contains($0) }.map { calls[$0].module }
  }
}

/// A call under way that is recorded.
struct RecordedCall {
  var key: CallKey
  /// Where the call stands in the step's pre-forward order.
  var position: Int
  /// Which step it belongs to.
  var generation: Int
  /// Whether its task is suspended while there is no room, and no thread waits.
  var suspends: Bool
}
