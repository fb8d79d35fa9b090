import AssayBase
public import AssayRuns
import AssayTensors
import Foundation
import Synchronization

/// Receives calls from a probe, filters them and hands them to sinks.
///
/// Tensors are taken at the call and written by a thread of the recorder's own, so that later changes
/// in place do not alter them: what is no immutable ``AssayTensors/Storage`` is copied. An error of the sink, such as a full disk, is thrown from the next
/// call of the probe, from the step's end and from ``finish(updating:)``; the run then stays
/// incomplete.
public final class Recorder: Sendable {
  /// What is recorded.
  public let configuration: CaptureConfiguration
  /// The paths of what is written; empty for a sink that writes nothing.
  public let paths: [String]

  let background: BackgroundSink?
  let source: (any TensorSource)?
  /// What ``Probe/input(_:_:call:device:)`` gives.
  let goldenInputs: (any TensorSource)?
  let state: Mutex<State>

  struct State {
    var manifest: RunManifest
    /// The step under way, or the next one.
    var step = 0
    var isInStep = false
    /// Tells steps apart, also one that was discarded and the next one of its number.
    var generation = 0
    var isRecordedStep = false
    var isFinished = false
    var callCounts: NameMap<Int> = [:]
    var calls: [CallKey] = []
    var completionOrder: [Int] = []
    var selections: NameMap<(calls: ModuleFilter.Selection, rule: Int?)> = [:]
    var tally = RecordingTally()
    /// What to go back to when the step is discarded.
    var tallyBeforeStep = RecordingTally()
    /// What outputs of this step point into, where their types do not own their bytes.
    var keptAlive: [Tensor] = []
  }

  /// The bytes that may wait to be written before the model has to wait.
  package static let defaultQueueByteLimit = 256 << 20

  /// Makes a recorder of any sink.
  ///
  /// - Parameters:
  ///   - configuration: What is recorded; one that is not enabled makes ``probe`` detached. The
  ///     sink receives whole tensors, whatever writers are to keep of them.
  ///   - sink: What receives the calls.
  ///   - manifest: What the run says about itself; the configuration is added to it.
  ///   - source: Judges each recorded module by itself: after the live inputs are recorded, the
  ///     module runs on this source's; after its live outputs are recorded, its caller receives
  ///     this source's. So no module inherits an error of another one.
  ///   - goldenInputs: What a model may ask of its probe to be run on.
  ///   - queueByteLimit: The bytes that may wait for the sink; one tensor may exceed them.
  package convenience init(
    configuration: CaptureConfiguration, sink: any RunSink, manifest: RunManifest,
    substituting source: (any TensorSource)? = nil, goldenInputs: (any TensorSource)? = nil,
    queueByteLimit: Int = defaultQueueByteLimit
  ) {
    self.init(
      configuration: configuration, sinks: [sink], keep: .full, manifest: manifest,
      source: source, goldenInputs: goldenInputs, queueByteLimit: queueByteLimit)
  }

  /// Makes a recorder that writes a run, in as many layouts as there are writers.
  package convenience init(
    configuration: CaptureConfiguration, writers: [any RunSink], manifest: RunManifest,
    queueByteLimit: Int = defaultQueueByteLimit
  ) {
    self.init(
      configuration: configuration, sinks: writers, keep: configuration.keep,
      manifest: manifest, source: nil, goldenInputs: nil, queueByteLimit: queueByteLimit)
  }

  private init(
    configuration: CaptureConfiguration, sinks: [any RunSink], keep: TensorKeep,
    manifest: RunManifest, source: (any TensorSource)?, goldenInputs: (any TensorSource)?,
    queueByteLimit: Int
  ) {
    var manifest = manifest
    manifest.configuration = configuration.jsonValue
    manifest.isComplete = false
    self.configuration = configuration
    paths = sinks.flatMap(\.paths)
    self.source = source
    self.goldenInputs = goldenInputs
    background =
      configuration.isEnabled
      ? BackgroundSink(sinks, keep: keep, byteLimit: queueByteLimit) : nil
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

  /// How many steps have run so far.
  public var stepCount: Int { state.withLock { $0.step } }

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
      try background.receive(.runEnded(manifest))
      try background.drain()
    } catch {
      state.withLock { $0.manifest.isComplete = false }
      throw error
    }
    return paths
  }
}
