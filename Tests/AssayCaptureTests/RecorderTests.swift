import AssayBase
import AssayCapture
import AssayRuns
import AssayTensors
import Testing

/// Runs `forward` as step 0 and returns what was recorded.
private func record(
  _ configuration: CaptureConfiguration = everyStep(), steps: Int = 1,
  _ forward: (Probe) throws -> Void
) throws -> MemorySink {
  let sink = MemorySink()
  let recorder = Recorder(
    configuration: configuration, sink: sink, manifest: RunManifest(id: "run"))
  for _ in 0..<steps { try recorder.probe.step { try forward(recorder.probe) } }
  try recorder.finish()
  return sink
}

private func call(_ module: String, _ call: Int = 0, step: Int = 0) -> CallKey {
  CallKey(step: step, module: module, index: call)
}

@Suite struct RecorderTests {
  let x: Tensor

  init() throws { x = try vector([1, 2, 3]) }

  @Test func recordsInputsBeforeAndOutputsAfterTheForward() throws {
    let sink = try record { probe in
      _ = try probe("norm", x) { try vector($0.float32Values().map { $0 * 2 }) }
    }
    #expect(
      sink.events == [
        .begin(0), .part(call("norm"), .inputs, ["inputs_0"]),
        .part(call("norm"), .outputs, ["outputs"]),
        .end(0, calls: [call("norm")], completionOrder: [0]), .finish(isComplete: true),
      ])
    #expect(sink.tensors("norm", .inputs)["inputs_0"]?.float32Values() == [1, 2, 3])
    #expect(sink.tensors("norm", .outputs)["outputs"]?.float32Values() == [2, 4, 6])
  }

  @Test func aPatternThatTakesForEverEndsTheRecording() throws {
    let name = String(repeating: "a", count: 60)
    let error = #expect(throws: CaptureError.self) {
      try record(
        CaptureConfiguration(json: #"{"enabled": true, "module_call_match": ["(a+)+b", "a"]}"#)
      ) { probe in
        _ = try probe(name, x) { try vector($0.float32Values()) }
      }
    }
    guard case .invalidValue("module_call_match", "(a+)+b", let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason.hasPrefix("the pattern \"(a+)+b\" takes too long on \"\(name)\""))
  }

  @Test func namesSlotsAsTheLayoutDoes() throws {
    let sink = try record { probe in
      _ = try probe("attn", x, Keyword("positions", [x, x]), [x], Keyword("mask", nil as Tensor?)) {
        first, _, _, _ in (first, nil as Tensor?, CapturedValue.dictionary([("k", .tensor(first))]))
      }
      _ = try probe("model", Keyword("flag", true)) { _ in
        CapturedValue.dictionary([("logits", .tensor(x))])
      }
    }
    #expect(
      Set(sink.tensors("attn", .inputs).keys)
        == ["inputs_0", "inputs_positions_0", "inputs_positions_1", "inputs_1_0"])
    #expect(Set(sink.tensors("attn", .outputs).keys) == ["outputs_0", "outputs_2_k"])
    #expect(Set(sink.tensors("model", .outputs).keys) == ["outputs_logits"])
    let inputs = try #require(sink.description("attn", .inputs)?.members)
    #expect(inputs["items"]?.items?.count == 2)
    #expect(inputs["kwargs"]?.members?["mask"] == .null)
    let outputs = try #require(sink.description("attn", .outputs)?.members)
    #expect(outputs["items"]?.items?[1] == .null)
    #expect(
      sink.description("model", .inputs)
        == .object([
          "type": .string("tuple"), "items": .array([]), "kwargs": .object(["flag": .bool(true)]),
        ]))
  }

  @Test func inputsWithoutKeywordsHaveNoKwargs() throws {
    let sink = try record { probe in _ = try probe("norm", x) { $0 } }
    #expect(sink.description("norm", .inputs)?.members?.keys.contains("kwargs") == false)
  }

  @Test func ordersAreThoseThatHappened() throws {
    // `a.late` runs after `a` has ended, which dotted names alone would not tell.
    let sink = try record { probe in
      _ = try probe("a", x) { x in
        try probe.scope("a")("first", x) { x in
          try probe.scope("a.first")("inner", x) { $0 }
        }
      }
      _ = try probe.scope("a")("late", x) { $0 }
    }
    let calls = [call("a"), call("a.first"), call("a.first.inner"), call("a.late")]
    #expect(sink.events.contains(.end(0, calls: calls, completionOrder: [2, 1, 0, 3])))
    #expect(StepRecord.completionOrder(ofPreForward: calls) == [2, 1, 3, 0])
  }

  @Test func callsAreCountedPerModuleAndStep() throws {
    let sink = try record(steps: 2) { probe in
      for _ in 0..<2 { _ = try probe("rotary_emb", x) { $0 } }
    }
    for step in 0...1 {
      #expect(
        sink.calls(step: step) == [
          call("rotary_emb", 0, step: step), call("rotary_emb", 1, step: step),
        ])
    }
  }

  @Test func laterChangesInPlaceDoNotAlterWhatWasRecorded() throws {
    let buffer = MutableVector([1, 2])
    let sink = try record { probe in
      _ = try probe("relu_", buffer) { buffer in
        buffer.values[0] = 9
        return buffer
      }
      buffer.values[1] = 8
    }
    #expect(sink.tensors("relu_", .inputs)["inputs_0"]?.float32Values() == [1, 2])
    #expect(sink.tensors("relu_", .outputs)["outputs"]?.float32Values() == [9, 2])
    #expect(sink.tensors("relu_", .postForwardInputs).isEmpty)
  }

  @Test func postForwardInputsShowAChangeInPlace() throws {
    let buffer = MutableVector([1, 2])
    let sink = try record(everyStep { $0.recordsPostForwardInputs = true }) { probe in
      _ = try probe("relu_", buffer, Keyword("bias", x)) { buffer, _ in
        buffer.values[0] = 9
        return 1
      }
    }
    #expect(sink.tensors("relu_", .inputs)["inputs_0"]?.float32Values() == [1, 2])
    let after = sink.tensors("relu_", .postForwardInputs)
    #expect(after["post_fwd_inputs_0"]?.float32Values() == [9, 2])
    #expect(after["post_fwd_inputs_bias"]?.float32Values() == [1, 2, 3])
  }

  @Test func forwardThatThrowsLeavesNoStep() throws {
    struct Failed: Error {}
    let sink = MemorySink()
    let recorder = Recorder(
      configuration: everyStep(), sink: sink, manifest: RunManifest(id: "run"))
    let probe = recorder.probe
    #expect(throws: Failed.self) {
      try probe.step {
        _ = try probe("a", x) { x in
          try probe("a.b", x) { (_: Tensor) -> Tensor in throw Failed() }
        }
      }
    }
    try probe.step { _ = try probe("a", x) { $0 } }
    try recorder.finish()
    #expect(sink.calls() == [call("a")])
    let steps = sink.events.filter {
      switch $0 {
      case .part: false
      default: true
      }
    }
    #expect(
      steps == [
        .begin(0), .discard(0), .begin(0), .end(0, calls: [call("a")], completionOrder: [0]),
        .finish(isComplete: true),
      ])
  }

  @Test func forwardThatIsCaughtCompletesItsCall() throws {
    struct Failed: Error {}
    let sink = try record { probe in
      try? { _ = try probe("a", x) { (_: Tensor) -> Tensor in throw Failed() } }()
      _ = try probe("b", x) { $0 }
    }
    #expect(
      sink.events.contains(.end(0, calls: [call("a"), call("b")], completionOrder: [0, 1])))
  }

  @Test func misuseIsAnError() throws {
    let recorder = Recorder(
      configuration: everyStep(), sink: MemorySink(), manifest: RunManifest(id: "run"))
    let probe = recorder.probe
    #expect(throws: CaptureError.callOutsideStep(module: "a")) { try probe("a", x) { $0 } }
    try probe.step {
      #expect(throws: CaptureError.stepUnderWay(step: 0)) { try probe.step {} }
      #expect(throws: CaptureError.stepUnderWay(step: 0)) { try recorder.finish() }
      _ = try probe("a", x) { $0 }
    }
    try recorder.finish()
    #expect(throws: CaptureError.finished) { try recorder.finish() }
    #expect(throws: CaptureError.finished) { try probe.step {} }
    #expect(throws: CaptureError.finished) { try probe("a", x) { $0 } }
  }
}

@Suite struct RecorderFilterTests {
  let x: Tensor

  init() throws { x = try vector([1, 2, 3]) }

  @Test func stepsThatAreNotSelectedAreCountedOnly() throws {
    struct Unwanted: Capturable {
      var capturedValue: CapturedValue {
        Issue.record("a step that is not selected must not ask for values")
        return .none
      }
    }
    var configuration = CaptureConfiguration()
    configuration.steps = [1]
    var step = 0
    let sink = try record(configuration, steps: 3) { probe in
      if step == 1 { _ = try probe("a", x) { $0 } } else { _ = try probe("a", Unwanted()) { $0 } }
      step += 1
    }
    #expect(sink.calls(step: 1) == [call("a", step: 1)])
    #expect(sink.events.first == .begin(1) && sink.events.count == 5)
  }

  @Test func defaultIsStepZero() throws {
    let sink = try record(CaptureConfiguration(), steps: 2) { _ = try $0("a", x) { $0 } }
    #expect(sink.calls(step: 0) == [call("a")] && sink.calls(step: 1) == nil)
  }

  @Test func callIndexCountsAllCallsAndTheFirstPatternDecides() throws {
    let filter = ModuleFilter(rules: [
      try ModuleFilter.Rule("rotary_emb:1"), try ModuleFilter.Rule("emb"),
    ])
    let sink = try record(everyStep { $0.modules = filter }) { probe in
      for name in ["rotary_emb", "embed", "norm", "rotary_emb", "rotary_emb", "embed"] {
        _ = try probe(name, x) { $0 }
      }
    }
    #expect(sink.calls() == [call("embed"), call("rotary_emb", 1), call("embed", 1)])
  }

  @Test func devicesAreFilteredByTensor() throws {
    let cuda = try vector([7], on: Device("cuda:0"))
    let sink = try record(everyStep { $0.devices = [Device("cuda:0")] }) { probe in
      _ = try probe("a", x, cuda) { x, _ in x }
    }
    #expect(Set(sink.tensors("a", .inputs).keys) == ["inputs_1"])
    #expect(sink.tensors("a", .outputs).isEmpty)
    #expect(sink.description("a", .outputs)?.members?["numel"] == .integer(3))
  }

  @Test func largeTensorsLeaveANote() throws {
    let small = try vector([1, 2])
    let sink = try record(everyStep { $0.maxTensorSize = 2 }) { probe in
      _ = try probe("a", x, small) { x, _ in x }
    }
    #expect(
      sink.events.contains(.part(call("a"), .inputs, ["inputs_0 skipped", "inputs_1"])))
    guard case .skipped(_, let note) = sink.parts.last?.tensors.first else {
      Issue.record("the output was not skipped")
      return
    }
    #expect(note.shape.dimensions == [3] && note.dtype == .float32 && note.device == .cpu)
    #expect(note.reason == "Tensor too large: 3 elements, max_tensor_size is 2")
  }

  @Test func disabledRecordsNothing() throws {
    let sink = try record(everyStep { $0.isEnabled = false }) { _ = try $0("a", x) { $0 } }
    #expect(sink.events.isEmpty)
  }
}
