import AssayRuns
import AssayTensors
import Foundation
import Testing

/// What `Fixtures/make_sglang_dumps.py` had SGLang's own dumpers write, and what the model computed.
enum SGLangDump {
  static let directory = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures/sglang").path
  static let dump = directory + "/dump_20260102_030405_678901"
  static let passes = directory + "/passes/TP0_PP0_Rank0_pid42"

  struct Values: Decodable {
    var shape: [Int]
    var values: [Double]
  }

  /// By pass and by what it is.
  static func expected() throws -> [[String: Values]] {
    try JSONDecoder().decode(
      [[String: Values]].self,
      from: Data(contentsOf: URL(filePath: directory + "/expected.json")))
  }

  /// The name of a dump's file, by its index.
  static func file(_ index: Int) throws -> String {
    try #require(
      FileManager.default.contentsOfDirectory(atPath: dump)
        .first { $0.contains("___dump_index=\(index)___") })
  }
}

extension RunReader {
  /// The values of a tensor on the CPU.
  func values(
    _ step: Int, _ module: String, _ slot: String, call: Int = 0
  ) throws -> SGLangDump.Values {
    let call = CallKey(step: step, module: module, index: call)
    let tensor = try tensor(TensorKey(call, device: .cpu, slot: Slot(slot)))
    return SGLangDump.Values(shape: tensor.shape.dimensions, values: tensor.float64Values())
  }
}

func expectSame(
  _ found: SGLangDump.Values, _ expected: SGLangDump.Values?,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let expected = try #require(expected, sourceLocation: sourceLocation)
  #expect(found.shape == expected.shape, sourceLocation: sourceLocation)
  #expect(found.values == expected.values, sourceLocation: sourceLocation)
}

/// The schema's text of rows, by hand: request, position, count.
func rows(_ layouts: ([Int], [[Int]])..., ids: [Int: String] = [:]) -> StepRows {
  StepRows(
    layouts: layouts.map { shape, spans in
      StepRows.Layout(
        shape: shape,
        spans: spans.map { StepRows.Span(request: $0[0], position: $0[1], count: $0[2]) })
    }, requestIDs: ids)
}
