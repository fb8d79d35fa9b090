import AssayComparison
import AssayReports
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Foundation
import Testing

/// Reports of merged parts are, byte for byte, those of one process.
@Suite struct ShardedReportTests {
  /// Two runs and how they are compared.
  struct Case: Sendable, CustomStringConvertible {
    var description: String
    var make: @Sendable () throws -> (InMemoryRun, InMemoryRun, ComparisonOptions)
  }

  static let cases = [
    Case(description: "match") { (try model("a"), try model("e"), .init()) },
    Case(description: "mismatch with causes") {
      var actual = try model("a") { layer, name in layer == 3 && name == "up" ? 0.25 : 0 }
      // The bytes of another tensor, and one in another order of axes.
      actual.add(values(4, 8, from: 900), "swapped", "outputs")
      actual.add(values(4, 8, from: 700), "turned", "outputs")
      actual.add(nil, "gone", "outputs")
      actual.add(values(2, 8, from: 1), "reshaped", "outputs")
      var expected = try model("e")
      expected.add(values(4, 8, from: 100), "swapped", "outputs")
      expected.add(values(4, 8, from: 900), "other", "outputs")
      expected.add(try turned(values(4, 8, from: 700)), "turned", "outputs")
      expected.add(values(4, 8, from: 1), "gone", "outputs")
      expected.add(values(4, 8, from: 1), "reshaped", "outputs")
      return (actual, expected, .init())
    },
    Case(description: "everything fails") {
      (try model("a", layers: 40) { _, _ in 1 }, try model("e", layers: 40), .init())
    },
    Case(description: "values that are not finite") {
      (
        try model("a") { layer, _ in layer == 2 ? .nan : layer == 4 ? -.infinity : 0 },
        try model("e") { layer, _ in layer == 2 ? .infinity : 0 }, .init()
      )
    },
    Case(description: "mapping with slices") {
      var actual = try model("a")
      actual.add(values(2, 6, from: 1), "qkv", "outputs")
      actual.add(values(2, 6, from: 50), "whole", "outputs")
      var expected = try model("e")
      expected.add(try columns(values(2, 6, from: 1), 0..<3), "q", "outputs")
      expected.add(try columns(values(2, 6, from: 50), 0..<3), "part", "outputs")
      expected.add(values(2, 6, from: 50), "all", "outputs")
      var options = ComparisonOptions()
      options.mapping = try Mapping(
        yaml: """
          rules:
          - {actual: qkv, expected: q, actual_transform: [{slice: {axis: -1, end: 3}}]}
          - {actual: whole, expected: part, actual_transform: [{slice: {axis: -1, end: 3}}]}
          - {actual: whole, expected: all, shared: actual, optional: true}
          """)
      return (actual, expected, options)
    },
    Case(description: "rows") {
      typealias Span = StepRows.Span
      func run(_ path: String, _ steps: [[Span]], _ change: Float) throws -> InMemoryRun {
        var run = InMemoryRun(path: path)
        for (step, spans) in steps.enumerated() {
          let tokens = spans.flatMap { span in
            (0..<span.count).map { ((span.request ?? 9) * 100 + span.position + $0) }
          }
          for (place, module) in ["embed", "layer", "norm", "head"].enumerated() {
            let elements = tokens.flatMap { token in
              (0..<4).map { Float(token * 4 + $0) + (token == 2 && place > 1 ? change : 0) }
            }
            run.add(
              try Tensor(elements, dtype: .float32, shape: Shape([tokens.count, 4])), step: step,
              module, "outputs")
          }
          run.tell(
            StepRows(layouts: [StepRows.Layout(shape: [tokens.count], spans: spans)]), ofStep: step)
        }
        return run
      }
      let whole = [[Span(request: 0, count: 5)], [Span(request: 1, count: 3)]]
      let cut = [
        [Span(request: 0, count: 4)],
        [Span(request: 0, position: 4), Span(request: 1, count: 3)],
      ]
      return (try run("a", cut, 0.5), try run("e", whole, 0), .init())
    },
    Case(description: "digests") {
      func run(_ path: String, _ change: Float) throws -> InMemoryRun {
        var run = InMemoryRun(path: path)
        for layer in 0..<9 {
          let tensor = values(64, 32, from: Float(layer) + (layer > 5 ? change : 0))
          let note = SkippedTensor(
            dtype: .float32, shape: tensor.shape, device: .cpu, reason: "kept as a digest",
            digest: TensorDigest(of: tensor, seed: TensorDigest.defaultSeed, withSample: true))
          run.add(nil, "layers.\(layer)", "outputs", skipped: note)
        }
        return run
      }
      return (try run("a", 0.01), try run("e", 0), .init())
    },
    Case(description: "noise floor") {
      var options = ComparisonOptions(tolerance: try Tolerance.threeWayGate())
      options.floor = try model("floor") { layer, _ in Float(layer) * 1e-3 }
      return (
        try model("a") { layer, _ in layer == 5 ? 1 : Float(layer) * 0.9e-3 }, try model("e"),
        options
      )
    },
    Case(description: "rules and logits") {
      var options = ComparisonOptions(
        tolerance: .rules(
          try ToleranceRules(
            yaml: """
              rules:
              - {module: 'layers\\.[0-3]\\.', rtol: 1, atol: 1}
              - {module: 'up|down', bound: 'cosine >= 0.9'}
              - {module: never, rtol: 0, atol: 0}
              """)))
      options.logits = try ModulePattern("head")
      return (try model("a") { layer, _ in layer == 5 ? -40 : 0 }, try model("e"), options)
    },
    Case(description: "nothing in common") {
      var actual = InMemoryRun(path: "a")
      actual.add(values(2, 2, from: 1), "x", "outputs")
      var expected = InMemoryRun(path: "e")
      expected.add(values(2, 2, from: 1), "y", "outputs")
      return (actual, expected, .init())
    },
  ]

  @Test(arguments: cases)
  func mergedPartsMakeTheReportsOfOneProcess(_ test: Case) throws {
    let (actual, expected, options) = try test.make()
    let whole = Self.reports(
      try RunComparison.compare(actual: actual, expected: expected, options: options))
    /// Every process opens and pairs for itself.
    func work(_ count: Int) throws -> ShardedWork {
      ShardedWork(
        try ComparisonWork(actual: actual, expected: expected, options: options), count: count)
    }
    var generator = CaseGenerator(seed: 7, case: 0)
    for count in [1, 7, 40] {
      let parts = try (1...count).shuffled(using: &generator).map { shard in
        try PartialComparison(work(count).part(shard).data(), path: "part \(shard)")
      }
      let flat = try PartialComparison(merging: parts, path: "all")
      #expect(Self.reports(try work(count).comparison(of: flat)) == whole)
      // In two levels of groups, through the bytes again.
      let groups = try stride(from: 0, to: count, by: 3).map { start in
        let group = try PartialComparison(
          merging: Array(parts[start..<min(start + 3, count)]), path: "group")
        return try PartialComparison(group.data(), path: "group \(start)")
      }
      let nested = try PartialComparison(merging: groups.reversed(), path: "all")
      #expect(try nested.data() == flat.data())
      #expect(Self.reports(try work(count).comparison(of: nested)) == whole)
    }
  }

  @Test func theCasesAreWhatTheySay() throws {
    func comparison(_ name: String) throws -> RunComparison {
      let test = try #require(Self.cases.first { $0.description == name })
      let (actual, expected, options) = try test.make()
      return try RunComparison.compare(actual: actual, expected: expected, options: options)
    }
    #expect(try comparison("match").isMatch)
    let causes = try comparison("mismatch with causes")
    #expect(causes.introduced.map(\.module) == ["layers.3.up"])
    #expect(causes.notes.contains { $0.contains("is equal to") })
    #expect(causes.notes.contains { $0.contains("actual_transform: [") })
    #expect(causes.summary.tensors.unreadable == 1)
    #expect(try comparison("everything fails").summary.tensors.mismatched > 100)
    let mapped = try comparison("mapping with slices").notes.filter { $0.contains("in part only") }
    #expect(mapped.count == 1)
    #expect(try comparison("rows").firstFailingRows?.row.position == 2)
    #expect(try comparison("digests").summary.tensors.estimated == 3)
    #expect(try !comparison("noise floor").isMatch)
    let ruled = try comparison("rules and logits")
    #expect(ruled.logits.count == 2)
    #expect(ruled.notes.contains { $0.contains("decided about no tensor") })
  }

  private static func reports(_ comparison: RunComparison) -> [String] {
    [
      MarkdownReport.render(comparison), MarkdownReport.render(comparison, verbose: true),
      String(decoding: JSONReport.render(comparison), as: UTF8.self), HTMLReport.render(comparison),
      TextReport.render(comparison, inColor: false),
      JUnitReport.render([(name: "compare", comparison: comparison)]),
      FailureText.render(runs: comparison, reportPath: nil),
    ]
  }

  /// Layers that hand their tensors on; what a change adds is in all that follows it.
  private static func model(
    _ path: String, layers: Int = 8, _ change: (Int, String) -> Float = { _, _ in 0 }
  ) throws -> InMemoryRun {
    var run = InMemoryRun(path: path)
    run.begin("model")
    var error: Float = 0
    for layer in 0..<layers {
      for name in ["up", "down"] {
        run.add(values(4, 8, from: Float(layer) + error), "layers.\(layer).\(name)", "inputs_0")
        error += change(layer, name)
        run.add(
          values(4, 8, from: Float(layer + 1) + error), "layers.\(layer).\(name)", "outputs")
      }
    }
    run.add(values(4, 8, from: Float(layers) + error), "head", "outputs")
    run.add(values(4, 8, from: Float(layers) + error), step: 1, "head", "outputs")
    return run
  }

  private static func values(_ rows: Int, _ columns: Int, from start: Float) -> Tensor {
    let values = (0..<rows * columns).map { start + Float($0 * $0 % 13) / 8 }
    guard let shape = try? Shape([rows, columns]),
      let tensor = try? Tensor(values, dtype: .float32, shape: shape)
    else { preconditionFailure("no such shape") }
    return tensor
  }

  private static func columns(_ tensor: Tensor, _ range: Range<Int>) throws -> Tensor {
    let (rows, width) = (tensor.shape.dimensions[0], tensor.shape.dimensions[1])
    let values = tensor.float32Values()
    return try Tensor(
      (0..<rows).flatMap { row in range.map { values[row * width + $0] } }, dtype: .float32,
      shape: Shape([rows, range.count]))
  }

  private static func turned(_ tensor: Tensor) throws -> Tensor {
    let (rows, width) = (tensor.shape.dimensions[0], tensor.shape.dimensions[1])
    let values = tensor.float32Values()
    return try Tensor(
      (0..<width).flatMap { column in (0..<rows).map { values[$0 * width + column] } },
      dtype: .float32, shape: Shape([width, rows]))
  }
}
