import AssayRuns
import AssayTensors

/// Receives calls from a probe, filters them and writes a run.
public final class Recorder: Sendable {
  /// The probe that a model is given to be recorded; the root module's own name is empty.
  public var probe: Probe { Probe(recorder: self, path: "") }

  var recordsPostForwardInputs: Bool { false }

  init() {}

  func beginStep() throws {}
  func endStep() throws {}
  func discardStep() {}
  func beginCall(_ module: String) throws -> Int? { nil }
  func endCall(_ call: Int) {}
  func record(_ call: Int, _ side: Slot.Side, _ arguments: CallArguments) throws {}
  func record(_ call: Int, _ side: Slot.Side, _ value: CapturedValue) throws {}
}
