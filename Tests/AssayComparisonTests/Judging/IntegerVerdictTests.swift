import AssayBase
import AssayRuns
import AssayRunsSupport
import Foundation
import Testing

@testable import AssayComparison
@testable import AssayTensors

/// Integers and booleans are compared exactly unless a rule names them; what is equal is said by
/// torch, in `make_integers.py`.
@Suite struct IntegerVerdictTests {
  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    var dtype: DType
    var actual: String
    var expected: String
    var count: Int
    var close: Bool

    var testDescription: String { "\(dtype) \(actual) \(expected)" }

    func runs(module: String = "m", slot: String = "outputs_1") throws -> (
      actual: InMemoryRun, expected: InMemoryRun
    ) {
      var runs = (actual: InMemoryRun(path: "a"), expected: InMemoryRun(path: "e"))
      let shape = try Shape([count])
      runs.actual.add(
        try Tensor(hexadecimal: actual, dtype: dtype, shape: shape), module, slot)
      runs.expected.add(
        try Tensor(hexadecimal: expected, dtype: dtype, shape: shape), module, slot)
      return runs
    }

    static let all: [Case] = {
      let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/integers.json")
      return (try? JSONDecoder().decode([Case].self, from: Data(contentsOf: url))) ?? []
    }()
  }

  @Test func thereAreCases() { #expect(Case.all.count == 13) }

  private func rules(_ yaml: String) throws -> Tolerance {
    .rules(try ToleranceRules(yaml: "rules: [\(yaml)]"))
  }

  /// What allows floats something says nothing of integers.
  @Test(arguments: Case.all) func noToleranceReachesIntegers(_ example: Case) throws {
    let runs = try example.runs()
    let tolerances = [
      .vllm, .torch, .exact, try Tolerance(rtol: 1e-7, atol: 0, equalNaN: true),
      try Tolerance(rtol: 1.6e-2, atol: 5), try .threeWayGate(),
      try rules("{module: '.*', rtol: 1, atol: 9}"), try rules("{module: m, rtol: 1, atol: 9}"),
      try rules("{module: '.*', slot: outputs, rtol: 1, atol: 9, outliers: 100%}"),
      try rules("{module: m, slot: puts, rtol: 1, atol: 9}"),
      try rules("{module: '.', slot: outputs_1, bound: rel_l2 <= 1}"),
      try rules("{module: m, bound: cosine >= 0}"),
      try rules("{module: '.*', dtype: \(example.dtype), rtol: 0, atol: 0}"),
    ]
    for tolerance in tolerances {
      let comparison = try compareLive(runs.actual, runs.expected, .init(tolerance: tolerance))
      #expect(comparison.isMatch == example.close, "\(tolerance.name)")
      #expect(comparison.rulesOfIntegers.isEmpty)
      let tensor = try #require(comparison.tensor("m", "outputs_1"))
      #expect(tensor.isExact)
      #expect(tolerance.rule(for: tensor).rtol == 0 && tolerance.rule(for: tensor).atol == 0)
    }
  }

  /// A rule may ask for more, by the dtype or by module and slot.
  @Test(
    arguments: [
      ("{module: '.*', dtype: int64, rtol: 0, atol: 1}", true),
      ("{module: '.*', dtype: int64, rtol: 0, atol: 0.5}", false),
      ("{module: '.*', dtype: int64, rtol: 0, atol: 0, outliers: 1}", true),
      ("{module: '.*', dtype: int64, bound: max_abs <= 1}", true),
      ("{module: m, slot: outputs_1, rtol: 1e-5, atol: 0}", true),
      ("{module: m, slot: outputs_1, dtype: int64, rtol: 1e-5, atol: 0}", true),
      ("{module: '', slot: outputs_1, rtol: 1e-5, atol: 0}", nil),
    ] as [(String, Bool?)])
  func aRuleThatNamesIntegersIsHeard(rule: String, matches: Bool?) throws {
    guard let matches else {
      #expect(throws: ComparisonError.self) { try rules(rule) }
      return
    }
    let runs = try Case.all[0].runs()
    let comparison = try compareLive(
      runs.actual, runs.expected, .init(tolerance: try rules(rule)))
    #expect(comparison.isMatch == matches)
    #expect(comparison.rulesOfIntegers == [0])
    #expect(comparison.tensor("m", "outputs_1")?.isExact == false)
  }

  /// A pattern that is found in some names only names what it is found in.
  @Test(arguments: [
    ("q", "outputs_1", true), ("x", "outputs_1", true), (".", "outputs_1", false),
    ("m", "outputs", true), ("m", "_0", true), ("m", "puts", false), ("m", nil, false),
  ])
  func patternsThatAreFoundInEveryNameNameNothing(module: String, slot: String?, names: Bool) throws
  {
    let rule = ToleranceRule(
      module: try ModulePattern(module), slot: try slot.map { try ModulePattern($0) },
      criterion: .bound(.atMost(.maxAbs, 1)))
    #expect(rule.namesIntegers == names)
  }

  /// Digests tell of integers only whether they are equal, and so they are judged.
  @Test(arguments: Case.all) func digestsOfIntegersAreExact(_ example: Case) throws {
    for keep in [TensorKeep.digest, .sample] {
      let shape = try Shape([example.count])
      let a = try Tensor(hexadecimal: example.actual, dtype: example.dtype, shape: shape)
      let e = try Tensor(hexadecimal: example.expected, dtype: example.dtype, shape: shape)
      var (actual, expected) = (InMemoryRun(path: "a"), InMemoryRun(path: "e"))
      actual.add(a, "m", "outputs")
      let note = SkippedTensor(
        dtype: e.dtype, shape: e.shape, device: e.device, reason: "only a digest",
        digest: TensorDigest(of: e, withSample: keep == .sample))
      expected.add(nil, "m", "outputs", skipped: note)
      for tolerance in [Tolerance.vllm, try Tolerance(rtol: 1, atol: 9)] {
        let comparison = try compareLive(actual, expected, .init(tolerance: tolerance))
        #expect(comparison.isMatch == example.close)
        #expect(comparison.tensor("m", "outputs")?.isExact == true)
      }
    }
  }

  /// Integers under other names and of another form stay integers, also as floats.
  @Test(arguments: [
    "", ", actual_transform: [{reshape: [2, 1]}], expected_transform: [{reshape: [2, 1]}]",
    ", actual_transform: [{cast: int32}], expected_transform: [{cast: int32}]",
    ", actual_transform: [{cast: float32}], expected_transform: [{cast: float32}]",
    ", actual_transform: [{cast: bfloat16}], expected_transform: [{cast: float64}, {cast: bfloat16}]",
  ])
  func mappedIntegersAreExact(transforms: String) throws {
    var options = ComparisonOptions(tolerance: .vllm)
    for (position, example) in [(0, Case.all[0]), (10, Case.all[10])] {
      let runs = (
        try example.runs(module: "x").actual, try example.runs(module: "y").expected
      )
      options.mapping = try Mapping(yaml: "rules: [{actual: x, expected: y\(transforms)}]")
      let comparison = try RunComparison.compare(
        actual: runs.0, expected: runs.1, options: options)
      // bfloat16 holds neither of the first two ids, and both round to one number.
      let matches = position == 10 || transforms.contains("bfloat16")
      #expect(comparison.isMatch == matches, "\(comparison.failures)")
      #expect(comparison.tensor("y", "outputs_1")?.isExact == true)
    }
  }

  @Test func aTransformedSideAloneStaysExact() throws {
    // 151644 against 151643 as floats would be within rtol 1e-5.
    var (actual, expected) = (InMemoryRun(path: "a"), InMemoryRun(path: "e"))
    actual.add(try Tensor([151644] as [Float], dtype: .float32, shape: Shape([1])), "m", "outputs")
    expected.add(try Tensor([151643] as [Int64], dtype: .int64, shape: Shape([1])), "m", "outputs")
    var options = ComparisonOptions(tolerance: .vllm)
    options.mapping = try Mapping(
      yaml: "rules: [{actual: m, expected: m, expected_transform: [{cast: float32}]}]")
    #expect(
      try !RunComparison.compare(actual: actual, expected: expected, options: options).isMatch)
    // Without the cast the dtypes differ, which no value mends.
    let plain = try compareLive(actual, expected)
    #expect(plain.tensor("m", "outputs")?.verdict == .dtype)
  }

  /// Floats keep their tolerance beside integers.
  @Test func floatsOfTheSameRuleKeepTheirTolerance() throws {
    var (actual, expected) = try Case.all[0].runs()
    actual.add(try rows([1, 2.001]), "m", "outputs_0")
    expected.add(try rows([1, 2]), "m", "outputs_0")
    let comparison = try compareLive(
      actual, expected, .init(tolerance: try rules("{module: m, rtol: 1.6e-2, atol: 0}")))
    #expect(comparison.tensor("m", "outputs_0")?.verdict == .match)
    #expect(comparison.tensor("m", "outputs_0")?.isExact == false)
    #expect(comparison.tensor("m", "outputs_1")?.verdict == .values)
  }

  @Test func float8KeepsItsTolerance() throws {
    // 1 and 1.125 in e4m3fn, one unit in the last place apart.
    let (a, e) = (
      try Tensor(hexadecimal: "39", dtype: .float8_e4m3fn, shape: Shape([1])),
      try Tensor(hexadecimal: "38", dtype: .float8_e4m3fn, shape: Shape([1]))
    )
    var (actual, expected) = (InMemoryRun(path: "a"), InMemoryRun(path: "e"))
    actual.add(a, "m", "outputs")
    expected.add(e, "m", "outputs")
    for (tolerance, matches) in [(try Tolerance(rtol: 0.2, atol: 0), true), (.torch, false)] {
      #expect(try compareLive(actual, expected, .init(tolerance: tolerance)).isMatch == matches)
    }
  }
}
