import AssayCapture
import AssayRuns
import AssayTensors
import Testing

/// A recording that holds nothing must not pass for one that does.
@Suite struct EmptyRecordingTests {
  let x: Tensor

  init() throws { x = try vector([1, 2, 3]) }

  private func recorder(
    _ sink: MemorySink = MemorySink(), _ change: (inout CaptureConfiguration) throws -> Void
  ) rethrows -> Recorder {
    var configuration = everyStep()
    try change(&configuration)
    return Recorder(
      configuration: configuration, sink: sink, manifest: RunManifest(id: "run"))
  }

  private func expectNothing(
    _ recorder: Recorder, because reason: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(throws: CaptureError.nothingRecorded(reason: reason), sourceLocation: sourceLocation) {
      try recorder.finish()
    }
    #expect(!recorder.manifest.isComplete, sourceLocation: sourceLocation)
  }

  @Test func saysWhichKeyLeftNothing() throws {
    let unmatched = try recorder { configuration in
      configuration.modules = ModuleFilter(rules: [
        try ModuleFilter.Rule("mlp"), try ModuleFilter.Rule("norm:1"),
      ])
    }
    try unmatched.probe.step { _ = try unmatched.probe("norm", x) { $0 } }
    expectNothing(
      unmatched, because: #"no module call matches module_call_match "mlp", "norm:1""#)

    let elsewhere = recorder { $0.devices = [Device("cuda:1"), Device("cuda:0")] }
    try elsewhere.probe.step { _ = try elsewhere.probe("norm", x) { $0 } }
    expectNothing(
      elsewhere, because: "device_names selects cuda:0, cuda:1, and all tensors are on cpu")

    let later = recorder { $0.steps = [7, 9] }
    for _ in 0..<2 { try later.probe.step { _ = try later.probe("norm", x) { $0 } } }
    expectNothing(later, because: "log_step_ids selects [7, 9], and the last step was 1")
  }

  @Test func aModelThatAnnouncesNothingRecordsNothing() throws {
    let silent = recorder { _ in }
    try silent.probe.step {}
    expectNothing(silent, because: "the model announced no module call")

    let unused = recorder { _ in }
    expectNothing(unused, because: "no step was run")

    let numbers = recorder { _ in }
    try numbers.probe.step { _ = try numbers.probe("count", 7) { $0 } }
    expectNothing(numbers, because: "the recorded module calls had no tensors")
  }

  @Test func aDiscardedStepCountsForNothing() throws {
    struct Failed: Error {}
    let recorder = recorder { _ in }
    #expect(throws: Failed.self) {
      try recorder.probe.step {
        _ = try recorder.probe("norm", x) { $0 }
        throw Failed()
      }
    }
    expectNothing(recorder, because: "no step was run")
  }

  @Test func aNoteOfASkippedTensorIsARecording() throws {
    let sink = MemorySink()
    let recorder = recorder(sink) { $0.maxTensorSize = 1 }
    try recorder.probe.step { _ = try recorder.probe("norm", x) { $0 } }
    try recorder.finish()
    #expect(sink.events.last == .finish(isComplete: true))
  }

  @Test func rulesThatRecordedNoCallAreNamed() throws {
    let sources = ["norm", "input_norm", "rotary:1", "mlp:0"]
    let recorder = try recorder { configuration in
      configuration.modules = ModuleFilter(rules: try sources.map { try ModuleFilter.Rule($0) })
    }
    try recorder.probe.step {
      for name in ["input_norm", "rotary", "mlp"] { _ = try recorder.probe(name, x) { $0 } }
    }
    try recorder.finish()
    // `input_norm` never gets to decide, and `rotary` was called once only.
    #expect(recorder.idleRules.map(\.source) == ["input_norm", "rotary:1"])
  }
}
