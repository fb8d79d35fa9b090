import AssayCapture
import AssayRuns
import AssayTensors
import Foundation
import Synchronization
import Testing

/// Tensors by slot, for any call of a module.
final class TableSource: TensorSource {
  private let tensors: [String: Tensor]
  private let asked = Mutex<[String]>([])

  /// - Parameter tensors: By module and slot: `norm inputs_0`.
  init(_ tensors: [String: Tensor]) { self.tensors = tensors }

  /// What was asked for, in order.
  var questions: [String] { asked.withLock { $0 } }

  func tensor(of call: CallKey, slot: Slot, device: Device) throws -> Tensor? {
    let key = "\(call.module) \(slot)"
    asked.withLock { $0.append("\(call.step) \(call.index) \(key) \(device)") }
    return tensors[key]
  }
}

/// Runs `forward` as step 0 with what stands in the place of tensors.
private func isolate(
  _ tensors: [String: Tensor], _ configuration: CaptureConfiguration = everyStep(),
  _ forward: (Probe) throws -> Void
) throws -> (sink: MemorySink, source: TableSource) {
  let (sink, source) = (MemorySink(), TableSource(tensors))
  let recorder = Recorder(
    configuration: configuration, sink: sink, manifest: RunManifest(id: "run"),
    substituting: source)
  try recorder.probe.step { try forward(recorder.probe) }
  try recorder.finish()
  return (sink, source)
}

@Suite struct SubstitutionTests {
  @Test func recordsWhatIsLiveAndRunsOnWhatTheSourceHas() throws {
    let golden = [
      "norm inputs_0": try vector([10]), "norm outputs": try vector([100]),
    ]
    var given: [Float] = []
    var returned: [Float] = []
    let (sink, source) = try isolate(golden) { probe in
      returned = try probe("norm", [1] as [Float]) { (x: [Float]) -> [Float] in
        given = x
        return [x[0] * 2]
      }
    }
    #expect(given == [10] && returned == [100])
    #expect(sink.tensors("norm", .inputs)["inputs_0"]?.float32Values() == [1])
    #expect(sink.tensors("norm", .outputs)["outputs"]?.float32Values() == [20])
    #expect(source.questions == ["0 0 norm inputs_0 cpu", "0 0 norm outputs cpu"])
  }

  /// A wrong child does not spoil its parent; a wrong parent shows in its next child's inputs.
  @Test func nothingIsInherited() throws {
    let golden = [
      "a inputs_0": try vector([1]), "a outputs": try vector([12]),
      "a.b inputs_0": try vector([1]), "a.b outputs": try vector([2]),
      "a.c inputs_0": try vector([4]), "a.c outputs": try vector([12]),
    ]
    let (sink, _) = try isolate(golden) { probe in
      _ = try probe("a", [1] as [Float]) { (x: [Float]) -> [Float] in
        let b = try probe.scope("a")("b", x) { (x: [Float]) -> [Float] in [x[0] + 50] }
        let wrong = [b[0] * 3]  // 2 from the golden, times 2 in the model that made it
        return try probe.scope("a")("c", wrong) { (x: [Float]) -> [Float] in [x[0] * 3] }
      }
    }
    #expect(sink.tensors("a.b", .outputs)["outputs"]?.float32Values() == [51])
    #expect(sink.tensors("a.c", .inputs)["inputs_0"]?.float32Values() == [6])
    #expect(sink.tensors("a.c", .outputs)["outputs"]?.float32Values() == [12])
    #expect(sink.tensors("a", .outputs)["outputs"]?.float32Values() == [12])
  }

  @Test func reachesContainersAndKeywords() throws {
    let x = try vector([0])
    var golden = try Dictionary(
      uniqueKeysWithValues: [
        "m inputs_0", "m inputs_mask", "m inputs_1_0", "m inputs_1_1_k", "m inputs_table",
        "m outputs_0", "m outputs_1_1", "m outputs_2_b",
      ].enumerated().map { ($1, try vector([Float($0 + 1)])) })
    golden["m inputs_table"] = try Tensor([5] as [Float], dtype: .float32, shape: Shape([1, 1]))
    var given: [[Float]] = []
    var returned: [[Float]] = []
    _ = try isolate(golden) { probe in
      let mixed = CapturedValue.tuple([.tensor(x), .dictionary([("k", .tensor(x))]), .integer(3)])
      let (a, b, c) = try probe(
        "m", x, Keyword("mask", x as Tensor?), mixed, Keyword("table", [[0]] as [[Float]])
      ) { first, mask, mixed, table in
        #expect(table.value == [[5]])
        given = ([first] + [mask.value].compactMap { $0 }).map { $0.float32Values() }
        given += mixed.tensors(in: Slot("")).map { $0.tensor.float32Values() }
        return (first, [x, x], ["b": x])
      }
      returned = ([a] + b + c.values).map { $0.float32Values() }
    }
    #expect(given == [[1], [2], [3], [4]])
    #expect(returned == [[6], [0], [7], [8]])
  }

  @Test func callsThatAreNotRecordedRunAsUsual() throws {
    let filter = ModuleFilter(rules: [try ModuleFilter.Rule("other")])
    let (_, source) = try isolate(
      ["norm inputs_0": try vector([10])], everyStep { $0.modules = filter }
    ) { probe in
      let result = try probe("norm", [1] as [Float]) { (x: [Float]) -> [Float] in x }
      #expect(result == [1])
      _ = try probe("other", [1] as [Float]) { (x: [Float]) -> [Float] in x }
    }
    #expect(source.questions == ["0 0 other inputs_0 cpu", "0 0 other outputs cpu"])
  }

  @Test func tensorsArriveContiguousAlignedAndOnTheLiveDevice() throws {
    let bytes = Storage(byteCount: 33) {
      $0[1] = 0; $0[3] = 0x80; $0[4] = 0x3F
    }
    let odd = try Tensor(storage: bytes, dtype: .float32, shape: Shape([2]), byteOffset: 1)
    let strided = try Tensor(
      storage: try vector([1, 2, 3, 4]).storage, dtype: .float32, shape: Shape([2]), strides: [2],
      device: Device("cuda:1"))
    let live = try vector([0, 0], on: Device("cuda:0"))
    var given: [Tensor] = []
    _ = try isolate(["m inputs_0": odd, "m inputs_1": strided]) { probe in
      _ = try probe("m", live, live) { a, b in
        given = [a, b]
        return 0
      }
      _ = try probe("n", live) { $0 }
    }
    #expect(given.map(\.device) == [Device("cuda:0"), Device("cuda:0")])
    #expect(given.map { $0.float32Values() } == [[1, 0], [1, 3]])
    for tensor in given {
      let address = tensor.withContiguousBytes { UInt(bitPattern: $0.baseAddress) }
      #expect(tensor.isContiguous && address % 4 == 0)
    }
  }

  @Test func buffersStayValidDuringTheCallAndTheStep() throws {
    let golden = [
      "m inputs_0": try vector([5, 6]), "m outputs": try vector([7, 8]),
      "n inputs_0": try Tensor([1, 2] as [Float], dtype: .float32, shape: Shape([1, 2])),
    ]
    let memory: [Float] = [1, 2]
    var scratch: [Float] = [3, 4]
    _ = try isolate(golden) { probe in
      try memory.withUnsafeBufferPointer { live in
        let out = try probe("m", live) { (x: UnsafeBufferPointer<Float>) in
          #expect(Array(x) == [5, 6])
          return x
        }
        #expect(Array(out) == [7, 8] && Array(live) == [1, 2])
      }
      try scratch.withUnsafeMutableBufferPointer { live in
        _ = try probe("n", Shaped(live, [1, 2])) { x in
          #expect(x.value.baseAddress == live.baseAddress && Array(live) == [1, 2])
          return x
        }
      }
    }
  }

  @Test func whatCannotBeReplacedIsAnError() throws {
    struct Opaque: Capturable {
      var capturedValue: CapturedValue { get throws { .tuple([.tensor(try vector([1]))]) } }
    }
    #expect(throws: CaptureError.notReplaceable(type: "Opaque", slot: Slot("inputs_0_0"))) {
      try isolate(["m inputs_0_0": try vector([2])]) { probe in
        _ = try probe("m", Opaque()) { _ in 0 }
      }
    }
    // The live one stays where the source has nothing.
    _ = try isolate([:]) { _ = try $0("m", Opaque()) { $0 } }
    let error = #expect(throws: CaptureError.self) {
      try isolate(["m outputs": try Tensor([1] as [Int64], dtype: .int64)]) { probe in
        _ = try probe("m", [1] as [Float]) { (x: [Float]) -> [Float] in x }
      }
    }
    #expect(
      error?.description
        == "what stands in the place of outputs of module m does not fit: [Float] takes float32 "
        + "vectors or smaller ones (wrap it in Shaped for another shape), not int64 of shape [1]")
  }

  @Test func anErrorOfTheSourceEndsTheStep() throws {
    struct Unreadable: Error {}
    struct Broken: TensorSource {
      func tensor(of call: CallKey, slot: Slot, device: Device) throws -> Tensor? {
        throw Unreadable()
      }
    }
    let sink = MemorySink()
    let recorder = Recorder(
      configuration: everyStep(), sink: sink, manifest: RunManifest(id: "run"),
      substituting: Broken())
    #expect(throws: Unreadable.self) {
      try recorder.probe.step { _ = try recorder.probe("m", [1] as [Float]) { $0 } }
    }
    try recorder.waitForSink()
    #expect(sink.events.last == .discard(0) && recorder.stepCount == 0)
  }

  @Test func aValueThatFailsToConvertFailsTheCall() throws {
    let recorder = Recorder(
      configuration: everyStep(), sink: MemorySink(), manifest: RunManifest(id: "run"))
    #expect(throws: CaptureError.self) {
      try recorder.probe.step {
        _ = try recorder.probe("m", [[1], [2, 3]] as [[Float]]) { _ in 0 }
      }
    }
  }

  @Test func postForwardInputsAreThoseTheBodyChanged() throws {
    let (sink, _) = try isolate(
      ["relu_ inputs_0": try vector([3, 4])], everyStep { $0.recordsPostForwardInputs = true }
    ) { probe in
      _ = try probe("relu_", MutableVector([1, 2])) { x in
        x.values[0] = 9
        return 1
      }
    }
    #expect(sink.tensors("relu_", .inputs)["inputs_0"]?.float32Values() == [1, 2])
    let after = sink.tensors("relu_", .postForwardInputs)["post_fwd_inputs_0"]
    #expect(after?.float32Values() == [9, 4])
  }
}
