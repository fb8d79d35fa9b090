public import AssayRuns
import AssayTensors
import Foundation
import Synchronization

/// Receives calls from a probe, filters them and hands them to a sink.
///
/// Bytes are copied at the call and written by a thread of the recorder's own, so that later changes
/// in place do not alter them. An error of the sink, such as a full disk, is thrown from the next
/// call of the probe, from the step's end and from ``finish(updating:)``; the run then stays
/// incomplete.
public final class Recorder: Sendable {
  /// What is recorded.
  public let configuration: CaptureConfiguration
  /// The paths of what is written; empty for a sink that writes nothing.
  public let paths: [String]

  private let background: BackgroundSink?
  private let state: Mutex<State>

  struct State {
    var manifest: RunManifest
    /// The step under way, or the next one.
    var step = 0
    var isInStep = false
    var isRecordedStep = false
    var isFinished = false
    var callCounts: [String: Int] = [:]
    var calls: [ModuleCall] = []
    var completionOrder: [Int] = []
    var selections: [String: (calls: ModuleFilter.Selection, rule: Int?)] = [:]
    var tally = RecordingTally()
    /// What to go back to when the step is discarded.
    var tallyBeforeStep = RecordingTally()
  }

  /// The bytes that may wait to be written before the model has to wait.
  public static let defaultQueueByteLimit = 256 << 20

  /// Makes a recorder of any sink.
  ///
  /// - Parameters:
  ///   - configuration: What is recorded; one that is not enabled makes ``probe`` detached.
  ///   - sink: What receives the calls.
  ///   - manifest: What the run says about itself; the configuration is added to it.
  ///   - queueByteLimit: The bytes that may wait for the sink; one tensor may exceed them.
  public convenience init(
    configuration: CaptureConfiguration, sink: any CallSink, manifest: RunManifest,
    queueByteLimit: Int = defaultQueueByteLimit
  ) {
    self.init(
      configuration: configuration, sink: sink, paths: [], manifest: manifest,
      queueByteLimit: queueByteLimit)
  }

  /// Makes a recorder that writes a run, in as many layouts as there are writers.
  public convenience init(
    configuration: CaptureConfiguration, writers: [any RunWriter], manifest: RunManifest,
    queueByteLimit: Int = defaultQueueByteLimit
  ) {
    self.init(
      configuration: configuration, sink: RunSink(writers), paths: writers.map(\.path),
      manifest: manifest, queueByteLimit: queueByteLimit)
  }

  private init(
    configuration: CaptureConfiguration, sink: any CallSink, paths: [String],
    manifest: RunManifest, queueByteLimit: Int
  ) {
    var manifest = manifest
    manifest.configuration = configuration.jsonValue
    manifest.isComplete = false
    self.configuration = configuration
    self.paths = paths
    background =
      configuration.isEnabled ? BackgroundSink(sink, byteLimit: queueByteLimit) : nil
    state = Mutex(State(manifest: manifest))
  }

  deinit {
    background?.stop()
  }

  /// The probe that a model is given to be recorded; detached when the configuration is off.
  public var probe: Probe {
    background == nil ? .detached : Probe(recorder: self, path: "")
  }

  /// The rules of the configuration by which no call was recorded so far: most likely mistyped,
  /// or meant for another model.
  public var idleRules: [ModuleFilter.Rule] {
    state.withLock { state in
      configuration.modules.rules.enumerated()
        .filter { !state.tally.decidingRules.contains($0.offset) }.map(\.element)
    }
  }

  /// What the run says about itself so far.
  public var manifest: RunManifest { state.withLock { $0.manifest } }

  /// Completes the run.
  ///
  /// - Parameter update: Adds to the manifest what is known only now.
  /// - Returns: The paths of what was written.
  /// - Throws: ``CaptureError``, such as ``CaptureError/nothingRecorded(reason:)`` for a run without
  ///   a tensor, or the sink's error; then the run is not complete.
  @discardableResult
  public func finish(updating update: (inout RunManifest) -> Void = { _ in }) throws -> [String] {
    guard let background else { return [] }
    let manifest = try state.withLock { state throws(CaptureError) in
      if state.isFinished { throw .finished }
      if state.isInStep { throw .stepUnderWay(step: state.step) }
      if let reason = state.tally.reasonForNothing(configuration, stepCount: state.step) {
        throw .nothingRecorded(reason: reason)
      }
      state.isFinished = true
      update(&state.manifest)
      state.manifest.isComplete = true
      return state.manifest
    }
    defer { background.stop() }
    do {
      try background.push(.finish(manifest))
      try background.drain()
    } catch {
      state.withLock { $0.manifest.isComplete = false }
      throw error
    }
    return paths
  }
}

// MARK: - What a probe calls

extension Recorder {
  var recordsPostForwardInputs: Bool { configuration.recordsPostForwardInputs }

  func beginStep() throws {
    let step: Int? = try state.withLock { state throws(CaptureError) in
      if state.isFinished { throw .finished }
      if state.isInStep { throw .stepUnderWay(step: state.step) }
      state.isInStep = true
      state.isRecordedStep = configuration.includes(step: state.step)
      state.callCounts.removeAll(keepingCapacity: true)
      state.calls.removeAll(keepingCapacity: true)
      state.completionOrder.removeAll(keepingCapacity: true)
      state.tallyBeforeStep = state.tally
      return state.isRecordedStep ? state.step : nil
    }
    guard let step else { return }
    do {
      try background?.push(.beginStep(step))
    } catch {
      state.withLock { $0.isInStep = false }
      throw error
    }
  }

  func endStep() throws {
    let (step, isRecorded, calls, completionOrder) = state.withLock { state in
      defer {
        state.isInStep = false
        state.step += 1
      }
      return (state.step, state.isRecordedStep, state.calls, state.completionOrder)
    }
    guard isRecorded else { return }
    try background?.push(.endStep(step, calls: calls, completionOrder: completionOrder))
    try background?.drain()
  }

  func discardStep() {
    let step: Int? = state.withLock { state in
      state.isInStep = false
      state.tally = state.tallyBeforeStep
      return state.isRecordedStep ? state.step : nil
    }
    // The error of a sink that failed before is thrown by what comes next.
    if let step { try? background?.push(.discardStep(step)) }
  }

  /// Counts a call and begins it.
  ///
  /// - Returns: The call's position in its step, or `nil` for one that is not recorded.
  func beginCall(_ module: String) throws -> RecordedCall? {
    try state.withLock { state throws(CaptureError) in
      guard state.isInStep else {
        throw state.isFinished ? .finished : .callOutsideStep(module: module)
      }
      guard state.isRecordedStep else { return nil }
      let call = ModuleCall(module: module, call: state.callCounts[module, default: 0])
      state.callCounts[module] = call.call + 1
      let selection = state.selections[module] ?? configuration.modules.selection(of: module)
      state.selections[module] = selection
      guard selection.calls == .all || selection.calls == .only(call.call) else { return nil }
      if let rule = selection.rule { state.tally.decidingRules.insert(rule) }
      state.tally.hasCalls = true
      state.calls.append(call)
      return RecordedCall(step: state.step, call: call, position: state.calls.count - 1)
    }
  }

  func endCall(_ call: RecordedCall) {
    state.withLock { $0.completionOrder.append(call.position) }
  }

  func record(_ call: RecordedCall, _ side: Slot.Side, _ arguments: CallArguments) throws {
    let root = Slot(side.rawValue)
    var tensors = CapturedValue.tuple(arguments.positional).tensors(in: root)
    for (name, value) in arguments.keywords {
      tensors += value.tensors(in: root.appending(name))
    }
    try record(call, side, tensors, description: arguments.description)
  }

  func record(_ call: RecordedCall, _ side: Slot.Side, _ value: CapturedValue) throws {
    try record(
      call, side, value.tensors(in: Slot(side.rawValue)), description: value.description)
  }

  private func record(
    _ call: RecordedCall, _ side: Slot.Side, _ tensors: [(slot: Slot, tensor: Tensor)],
    description: JSONValue
  ) throws {
    let wanted = tensors.filter { configuration.includes(device: $0.tensor.device) }
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
    try background?.reserve(byteCount)
    let captured = wanted.map { slot, tensor -> CapturedTensor in
      guard tensor.elementCount > limit else { return .stored(slot, tensor.copied()) }
      let reason = "Tensor too large: \(tensor.elementCount) elements, max_tensor_size is \(limit)"
      return .skipped(
        slot,
        SkippedTensor(
          dtype: tensor.dtype, shape: tensor.shape, device: tensor.device, reason: reason))
    }
    let part = CallPart(
      step: call.step, call: call.call, side: side, description: description, tensors: captured)
    try background?.push(.part(part), byteCount: byteCount)
  }
}

/// A call under way that is recorded.
struct RecordedCall {
  var step: Int
  var call: ModuleCall
  /// Where the call stands in the step's pre-forward order.
  var position: Int
}
