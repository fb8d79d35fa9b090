import AssayBase
import AssayRunsSupport
import AssayTensors
import Foundation
import Testing

@testable import AssayRuns

/// What a call's description of its inputs says of what the run cannot show.
@Suite struct InputCoverageTests {
  private func coverage(
    _ inputs: String, tensors slots: [String] = []
  ) throws -> InputCoverage {
    let call = CallKey(step: 0, module: "attn")
    return CallRecord(
      call: call,
      descriptions: [.inputs: try JSONValue(decoding: Data(inputs.utf8))],
      tensors: slots.map {
        TensorRecord(
          key: TensorKey(CallKey(step: 0, module: "attn", index: 0), device: .cpu, slot: Slot($0)))
      }
    ).inputCoverage
  }

  private static let tensor =
    #"{"type": "tensor", "shape": [1], "dtype": "torch.float32", "numel": 1}"#

  @Test func recordedTensorsAndPlainValuesAreAll() throws {
    let text = """
      {"type": "tuple", "items": [\(Self.tensor), 3, null, "x", [1.0, 2.0],
        {"type": "dict", "items": {"a": \(Self.tensor)}}],
       "kwargs": {"mask": \(Self.tensor), "scale": 0.5}}
      """
    #expect(try coverage(text, tensors: ["inputs_0", "inputs_5_a", "inputs_mask"]) == .all)
    #expect(try coverage(text, tensors: ["inputs_0", "inputs_mask"]) == .partial)
    #expect(try coverage(text, tensors: ["inputs_0", "inputs_5_a"]) == .partial)
  }

  @Test(arguments: [
    (#"{"type": "dtype", "string_repr": "torch.float32"}"#, InputCoverage.all),
    (#"{"type": "device", "string_repr": "device(type='cpu')"}"#, .all),
    (#"{"type": "function", "string_repr": "<function f>"}"#, .all),
    (#"{"type": "Kind", "string_repr": "<Kind.DECODER: 'decoder'>"}"#, .all),
    (#"{"type": "Config", "string_repr": "Config()", "no_tensors": true}"#, .all),
    (#"{"type": "Config", "string_repr": "Config()"}"#, .partial),
    (#"{"type": "Thing", "string_repr": "Thing()", "not_recorded": "why"}"#, .partial),
    (#"{"type": "tensor", "not_recorded": "why"}"#, .partial),
    (#"{"type": "DynamicCache", "string_repr": "DynamicCache(layers=[])"}"#, .state),
    (#"{"type": "DynamicCache", "string_repr": "x", "seq_length": 0}"#, .state),
    (#"{"type": "StaticCache", "string_repr": "x", "seq_length": 6}"#, .filledState),
  ])
  func objects(text: String, expected: InputCoverage) throws {
    #expect(try coverage("{\"type\": \"tuple\", \"items\": [\(text)]}") == expected)
    #expect(
      try coverage("{\"type\": \"tuple\", \"items\": [], \"kwargs\": {\"a\": \(text)}}")
        == expected)
    let nested =
      "{\"type\": \"dict\", \"items\": {\"k\": {\"type\": \"list\", \"items\": [\(text)]}}}"
    #expect(try coverage("{\"type\": \"tuple\", \"items\": [\(nested)]}") == expected)
  }

  @Test func restOfALongTupleIsKnownByItsTensors() throws {
    let items = Array(repeating: Self.tensor, count: 20).joined(separator: ",")
    let text =
      "{\"type\": \"tuple\", \"items\": [{\"type\": \"tuple\", \"length\": 22, \"sample\": [\(items)]}]}"
    let slots = (0..<22).map { "inputs_0_\($0)" }
    #expect(try coverage(text, tensors: slots) == .all)
    #expect(try coverage(text, tensors: Array(slots.dropLast())) == .partial)
    let numbers = Array(repeating: "1", count: 20).joined(separator: ",")
    #expect(
      try coverage(
        "{\"type\": \"tuple\", \"items\": [{\"type\": \"tuple\", \"length\": 22, \"sample\": [\(numbers)]}]}"
      )
        == .all)
  }

  @Test func whatWasToldCountsMore() throws {
    var record = CallRecord(call: CallKey(step: 0, module: "a"), inputCoverage: .positional)
    #expect(record.inputCoverage == .positional)
    record.inputCoverage = .partial
    #expect(record.inputCoverage == .partial)
  }

  // MARK: - Every writer and reader

  /// A run of one call that was handed a tensor and an object.
  private func run(_ object: CapturedValue) throws -> InMemoryRun {
    var run = InMemoryRun(path: "A")
    let tensor = try Tensor([Float(1)], dtype: .float32, shape: Shape([1]))
    run.add(tensor, "attn", "inputs_0")
    run.add(tensor, "attn", "outputs")
    run.describe("attn", .inputs, .tuple([.tensor(tensor), object]))
    return run
  }

  @Test(arguments: ["pt", "h5"], [TensorKeep.full, .digest])
  func coverageSurvivesEveryLayout(layout: String, keep: TensorKeep) throws {
    let objects: [(CapturedValue, InputCoverage)] = [
      (.other(type: "Thing", representation: "x"), .partial),
      (.other(type: "DynamicCache", representation: "x"), .state),
      (.state(type: "Cells", representation: "x", length: 0), .state),
      (.state(type: "Cells", representation: "x", length: 7), .filledState),
    ]
    for (object, expected) in objects {
      let root = try TemporaryDirectory()
      let read = try converted(run(object), layout, keep, in: root)
      #expect(read.steps[0].calls[0].inputCoverage == expected)
    }
  }

  /// A plain dump knows nothing of keywords, and neither does what is made of it.
  @Test(arguments: ["pt", "h5"])
  func positionalInputsStayPositional(layout: String) throws {
    var source = InMemoryRun(path: "A")
    source.add(try Tensor([Float(1)], dtype: .float32, shape: Shape([1])), "attn", "inputs_0")
    source.cover("attn", .positional)
    let root = try TemporaryDirectory()
    let once = try converted(source, layout, .full, in: root)
    #expect(once.steps[0].calls[0].inputCoverage == .positional)
    let twice = try converted(once, layout == "pt" ? "h5" : "pt", .digest, in: root)
    #expect(twice.steps[0].calls[0].inputCoverage == .positional)
  }

  private func converted(
    _ run: any RunReader, _ layout: String, _ keep: TensorKeep, in root: TemporaryDirectory
  ) throws -> any RunReader {
    let path = root.path + "/run" + (layout == "h5" ? ".h5" : "")
    let writer: any RunSink =
      layout == "h5"
      ? try HDF5RunWriter(path: path, mode: .golden, manifest: run.manifest)
      : try DirectoryRunWriter(path: path, manifest: run.manifest)
    try copyRun(from: run, to: writer, keep: keep)
    return try openRun(at: path)
  }
}
