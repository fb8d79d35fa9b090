import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Foundation

/// A layer whose weight changed, a module that only one run has, and names that are hard to print.
enum SmallCase {
  static func tensor(_ values: [Float]) throws -> Tensor {
    try Tensor(values, dtype: .float32, shape: Shape([2, values.count / 2]))
  }

  static func run(_ path: String, id: String, weight: Float) throws -> InMemoryRun {
    var run = InMemoryRun(path: path, id: id)
    run.begin("layer")
    run.add(try tensor([1, 2, 3, 4]), "layer", "inputs_0")
    run.add(try tensor([1, 2, 3, 4]), "layer.up", "inputs_0")
    run.add(try tensor([2, 4, 6, 8]), "layer.up", "outputs")
    run.add(try tensor([2, 4, 6, 8]), "layer.down", "inputs_0")
    run.add(try tensor([4, 8, 12, 16 * weight]), "layer.down", "outputs")
    run.add(try tensor([5, 10, 15, 4 + 16 * weight]), "layer", "outputs")
    run.add(try tensor([5, 10, 15, 4 + 16 * weight]), "head|`<b>`\n", "inputs_0")
    run.add(try tensor([0, 1, 0, 4 * weight - 4]), "head|`<b>`\n", "outputs")
    return run
  }

  static func comparison(_ options: ComparisonOptions = .init()) throws -> RunComparison {
    var actual = try run("runs/actual", id: "a", weight: 1.25)
    var expected = try run("runs/ex|pected", id: "b", weight: 1)
    for (keyPath, framework) in [("actual", "AssayLlama"), ("expected", "pytorch")] {
      var provenance = Provenance(
        tool: "assay", toolVersion: "1", created: "2026-01-01T00:00:00Z")
      provenance.framework = framework
      provenance.dtype = "float32"
      if keyPath == "actual" {
        actual.manifest.provenance = provenance
      } else {
        expected.manifest.provenance = provenance
      }
    }
    expected.add(try tensor([1, 2]), "extra", "outputs")
    return try RunComparison.compare(actual: actual, expected: expected, options: options)
  }

  /// Names that end a line, an attribute, a cell or a command where they are not escaped.
  static let hostileNames = [
    "<>&\"'", "a\u{0}\u{1}\u{1B}[31mred\u{7F}", "]]>", "a\r\nb\n::error::c", "100%0A%",
    "👩‍👩‍👧 é", "\u{FFFE}\u{FFFF}\u{202E}txt", "```\n</details>", "|`*_",
    String(repeating: "long.", count: 2000), String(repeating: "🙂", count: 2500),
    String(repeating: "\u{1}", count: 10_000),
  ]

  static func fixture(_ name: String) throws -> String {
    let url = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "Fixtures/\(name)")
    return try String(contentsOf: url, encoding: .utf8)
  }
}
