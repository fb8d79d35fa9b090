import AssayCapture
import AssayRuns
import AssayTensors
import Synchronization
import Testing

private func call(_ module: String, _ call: Int = 0) -> CallKey {
  CallKey(step: 0, module: module, index: call)
}

private func recorder(
  _ sink: MemorySink, substituting source: (any TensorSource)? = nil
) -> Recorder {
  Recorder(
    configuration: everyStep(), sink: sink, manifest: RunManifest(id: "run"),
    substituting: source)
}

/// A model whose state belongs to an actor.
private actor Model {
  var calls = 0

  func forward(_ x: [Float], _ probe: Probe) async throws -> [Float] {
    try await probe("a", x) { x in
      self.calls += 1
      await Task.yield()
      let (y, _) = try await probe.scope("a")("b", x, Keyword("flag", true)) { x, _ in
        await Task.yield()
        self.calls += 1
        return (x.map { $0 * 2 }, nil as Tensor?)
      }
      return y
    }
  }
}

@Suite struct AsyncProbeTests {
  @Test func nestsAsTheSynchronousOneDoes() async throws {
    let sink = MemorySink()
    let recorder = recorder(sink)
    let model = Model()
    let result = try await recorder.probe.step {
      try await model.forward([1, 2], recorder.probe)
    }
    try recorder.finish()
    #expect(result == [2, 4])
    #expect(await model.calls == 2)
    #expect(
      sink.events == [
        .begin(0), .part(call("a"), .inputs, ["inputs_0"]),
        .part(call("a.b"), .inputs, ["inputs_0"]), .part(call("a.b"), .outputs, ["outputs_0"]),
        .part(call("a"), .outputs, ["outputs"]),
        .end(0, calls: [call("a"), call("a.b")], completionOrder: [1, 0]),
        .finish(isComplete: true),
      ])
  }

  @Test func substitutesToo() async throws {
    let sink = MemorySink()
    let source = TableSource([
      "a inputs_0": try vector([10]), "a.b inputs_0": try vector([20]),
      "a.b outputs_0": try vector([30]), "a outputs": try vector([40]),
    ])
    let recorder = recorder(sink, substituting: source)
    let result = try await recorder.probe.step {
      try await Model().forward([1], recorder.probe)
    }
    #expect(result == [40])
    #expect(sink.tensors("a.b", .inputs)["inputs_0"]?.float32Values() == [10])
    #expect(sink.tensors("a.b", .outputs)["outputs_0"]?.float32Values() == [40])
    #expect(sink.tensors("a", .outputs)["outputs"]?.float32Values() == [30])
  }

  @Test func detachedRunsTheBodyOnly() async throws {
    #expect(try await Model().forward([3], .detached) == [6])
    #expect(
      try await Probe.detached.step {
        await Task.yield(); return 3
      } == 3)
  }

  @Test func forwardThatThrowsLeavesNoStep() async throws {
    struct Failed: Error {}
    let sink = MemorySink()
    let recorder = recorder(sink)
    await #expect(throws: Failed.self) {
      try await recorder.probe.step {
        _ = try await recorder.probe("a", [1] as [Float]) { (_: [Float]) async throws -> Int in
          await Task.yield()
          throw Failed()
        }
      }
    }
    #expect(sink.events.last == .discard(0) && recorder.stepCount == 0)
  }

  @Test func overlappingCallsAreAllRecorded() async throws {
    let sink = MemorySink()
    let recorder = recorder(sink)
    let probe = recorder.probe
    for _ in 0..<3 {
      try await probe.step {
        try await withThrowingTaskGroup(of: Void.self) { group in
          for expert in 0..<16 {
            group.addTask {
              _ = try await probe("experts", [Float(expert)]) { x in
                await Task.yield()
                return try await probe.scope("experts")("\(expert)", x) { x in
                  await Task.yield()
                  return x
                }
              }
            }
          }
          try await group.waitForAll()
        }
      }
    }
    try recorder.finish()
    for step in 0..<3 {
      let calls = try #require(sink.calls(step: step))
      #expect(calls.count == 32 && Set(calls).count == 32)
      for case .end(step, _, let order) in sink.events {
        #expect(order.sorted() == Array(0..<32))
      }
    }
    #expect(sink.parts.count == 3 * 64)
    #expect(recorder.stepCount == 3)
  }

  @Test func aCallThatOutlivesItsStepIsAnError() async throws {
    let sink = MemorySink()
    let recorder = recorder(sink)
    let probe = recorder.probe
    let (begun, began) = AsyncStream.makeStream(of: Void.self)
    let (released, release) = AsyncStream.makeStream(of: Void.self)
    let stray = Mutex<Task<[Float], any Error>?>(nil)
    await #expect(throws: CaptureError.callUnderWay(module: "late", step: 0)) {
      try await probe.step {
        let task = Task {
          try await probe("late", [1] as [Float]) { x in
            began.finish()
            for await _ in released {}
            return x
          }
        }
        stray.withLock { $0 = task }
        for await _ in begun {}
      }
    }
    try await probe.step {
      _ = try await probe("a", [1] as [Float]) { x in
        release.finish()
        // The stray call ends within a step that is not its own.
        let task = stray.withLock { $0 }
        await #expect(throws: CaptureError.callOutsideStep(module: "late")) {
          _ = try await task?.value
        }
        return x
      }
    }
    try recorder.finish()
    #expect(
      sink.events.suffix(2) == [
        .end(0, calls: [call("a")], completionOrder: [0]), .finish(isComplete: true),
      ])
    #expect(sink.tensors("late", .outputs).isEmpty)
  }
}
