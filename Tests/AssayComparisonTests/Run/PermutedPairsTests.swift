import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

/// Failing tensors that are their counterparts with two axes swapped are said to be.
@Suite struct PermutedPairsTests {
  /// A matrix of values in no order.
  private func matrix(_ seed: Int, isTurned: Bool = false, rows: Int = 4) throws -> Tensor {
    let columns = 16 / rows
    let value = { (row: Int, column: Int) in
      Float(((row * columns + column + 1) * (seed + 3) * 7919) % 1009)
    }
    let values =
      isTurned
      ? (0..<columns).flatMap { column in (0..<rows).map { value($0, column) } }
      : (0..<rows).flatMap { row in (0..<columns).map { value(row, $0) } }
    return try Tensor(
      values, dtype: .float32, shape: Shape(isTurned ? [columns, rows] : [rows, columns]))
  }

  private func notes(_ names: [String], turned: Set<String>, rows: Int) throws -> [String] {
    var (actual, expected) = (InMemoryRun(path: "a"), InMemoryRun(path: "e"))
    for (seed, name) in names.enumerated() {
      actual.add(
        try matrix(seed, isTurned: turned.contains(name), rows: rows), name, "outputs")
      expected.add(try matrix(seed, rows: rows), name, "outputs")
    }
    return try compare(actual, expected).notes.filter { $0.contains("axes 0 and 1 swapped") }
  }

  /// Of another shape, and of the same.
  @Test(arguments: [2, 4]) func aSwapIsFoundBehindManyMatches(rows: Int) throws {
    let names = (0..<20).map { "layers.\($0).norm" } + ["head"]
    let found = try notes(names, turned: ["head"], rows: rows)
    #expect(found.count == 1)
    #expect(
      found.first?.hasPrefix(
        "step 0 head outputs on cpu of the actual run is that of the expected run with axes 0 and 1 "
          + "swapped") == true)
    #expect(found.first?.contains("actual_transform: [{transpose: [0, 1]}]") == true)
  }

  /// One sentence for each kind of module, and no more than three.
  @Test func eachKindIsToldOnce() throws {
    let layers = (0..<5).map { "layers.\($0).q_proj" }
    #expect(try notes(layers, turned: Set(layers), rows: 4).count == 1)
    let kinds = ["q_proj", "k_proj", "v_proj", "o_proj", "norm"]
    #expect(try notes(kinds, turned: Set(kinds), rows: 4).count == 3)
  }
}
