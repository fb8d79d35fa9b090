package import AssayCapture
package import AssayComparison
package import AssayRuns
import AssayTensors
import Foundation
import Synchronization

/// Checks a model while it runs: every tensor that it announces is measured and dropped.
///
/// ```swift
/// let session = HealthSession(recipe: recipe)
/// try model.generate(from: tokens, steps: 4, probe: session.probe)
/// let health = try session.finish()
/// ```
package final class HealthSession: Sendable {
  private let sink = HealthSink()
  private let recorder: Recorder

  /// What may wait to be measured; a tensor that is larger waits alone.
  private static let queueByteLimit = 16 << 20

  /// Begins.
  ///
  /// - Parameters:
  ///   - golden: The run that gives the recipe, and the inputs that a model may ask its probe for.
  ///   - recipe: What the model is run with, where no golden says it.
  ///   - configuration: What is captured; `nil` for everything in all steps.
  package init(
    golden: (any RunReader)? = nil, recipe: Recipe? = nil,
    capturing configuration: CaptureConfiguration? = nil
  ) {
    var everything = CaptureConfiguration()
    everything.steps = []
    let manifest = RunManifest(
      id: UUID().uuidString.lowercased(), isComplete: false, provenance: .current(),
      recipe: golden?.manifest.recipe ?? recipe)
    recorder = Recorder(
      configuration: configuration ?? everything, sink: sink, manifest: manifest,
      goldenInputs: golden.map { GoldenTensorSource($0, deviceMap: []) },
      queueByteLimit: HealthSession.queueByteLimit)
  }

  /// What the model announces its module calls to.
  package var probe: Probe { recorder.probe }

  /// Ends.
  ///
  /// - Parameter error: What the model threw, if it did; it is thrown again.
  /// - Returns: What was found; a failure where nothing was recorded.
  /// - Throws: `error`, and ``AssayCapture/CaptureError/stepUnderWay(step:)`` while a task of the
  ///   model is still running.
  package func finish(after error: (any Error)? = nil) throws -> RunHealth {
    if let error { throw error }
    var failures: [HealthFailure] = []
    do {
      try recorder.finish()
    } catch CaptureError.nothingRecorded(let reason) {
      failures.append(.nothingRecorded(reason: reason))
    }
    return RunHealth(
      path: "live run", manifest: recorder.manifest, steps: sink.steps, failures: failures)
  }
}

/// Measures what a recorder captures.
private final class HealthSink: RunSink {
  private let state = Mutex(State())

  private struct State {
    var steps: [MeasuredStep] = []
    /// The calls of the step under way.
    var calls: [CallKey: MeasuredCall] = [:]
  }

  var steps: [MeasuredStep] { state.withLock { $0.steps } }

  func receive(_ event: RunEvent) {
    switch event {
    case .stepBegan, .stepDiscarded: state.withLock { $0.calls = [:] }
    case .captured(let part):
      let measured = part.tensors.map { measure($0, of: part) }
      state.withLock {
        $0.calls[part.call, default: MeasuredCall(call: part.call)].tensors += measured
      }
    case .stepEnded(let step, let calls, let completionOrder, _, _):
      state.withLock { state in
        let measured = calls.map { state.calls[$0] ?? MeasuredCall(call: $0) }
        state.steps.append(
          MeasuredStep(index: step, calls: measured, completionOrder: completionOrder))
        state.calls = [:]
      }
    case .runEnded: break
    }
  }

  private func measure(_ captured: CapturedTensor, of part: CallPart) -> MeasuredTensor {
    let key = TensorKey(
      part.call, device: captured.device,
      slot: captured.slot)
    return switch captured {
    case .stored(_, let tensor): MeasuredTensor(tensor, key: key)
    case .skipped(_, let note): MeasuredTensor(note, key: key)
    case .notRecorded(_, _, let reason): MeasuredTensor(notRecorded: reason, key: key)
    }
  }
}
