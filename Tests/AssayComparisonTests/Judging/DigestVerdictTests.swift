import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

@testable import AssayComparison

/// What comparing with a digest comes to: never a match that is not earned.
@Suite struct DigestVerdictTests {
  private let wave = (0..<600).map { Float($0 % 37) * 0.25 - 4 }

  private func digested(_ tensor: Tensor, _ keep: TensorKeep = .digest) -> SkippedTensor {
    SkippedTensor(
      dtype: tensor.dtype, shape: tensor.shape, device: tensor.device, reason: "only a digest",
      digest: TensorDigest(of: tensor, withSample: keep == .sample))
  }

  /// Compares a tensor with one of which the expected run, or each, has a digest only.
  private func compare(
    _ a: Tensor, _ e: Tensor, _ tolerance: Tolerance, keep: TensorKeep = .digest,
    bothDigested: Bool = false
  ) throws -> RunComparison {
    var (actual, expected) = (InMemoryRun(path: "a"), InMemoryRun(path: "e"))
    actual.add(
      bothDigested ? nil : a, "m", "outputs", skipped: bothDigested ? digested(a, keep) : nil)
    expected.add(nil, "m", "outputs", skipped: digested(e, keep))
    let comparison = try RunComparison.compare(
      actual: actual, expected: expected, options: .init(tolerance: tolerance))
    // The other way round, with the elements on the other side.
    var elements = InMemoryRun(path: "e")
    elements.add(e, "m", "outputs")
    var digest = InMemoryRun(path: "a")
    digest.add(nil, "m", "outputs", skipped: digested(a, keep))
    let turned = try RunComparison.compare(
      actual: digest, expected: elements, options: .init(tolerance: tolerance))
    #expect(turned.isMatch == comparison.isMatch)
    #expect(turned.summary == comparison.summary)
    return comparison
  }

  private func tensor(_ values: [Float]) throws -> Tensor { try Tensor(values, dtype: .float32) }

  private func result(_ comparison: RunComparison) throws -> TensorResult {
    try #require(comparison.steps.first?.modules.first?.tensors.first)
  }

  private let loose = Result { try Tolerance(rtol: 1e-3, atol: 1e-4) }

  @Test(arguments: [false, true]) func equalBytesMatchForCertain(bothDigested: Bool) throws {
    let comparison = try compare(
      tensor(wave), tensor(wave), .exact, bothDigested: bothDigested)
    #expect(comparison.isMatch)
    #expect(comparison.summary.tensors.compared == 1)
    #expect(comparison.summary.tensors.estimated == 0)
    #expect(comparison.summary.elements.compared == 600)
    #expect(comparison.firstDifference == nil)
    let result = try result(comparison)
    #expect(result.error == 0 && result.difference == nil && !result.isEstimated)
  }

  @Test(arguments: [false, true]) func noiseMatchesAsAnEstimate(bothDigested: Bool) throws {
    let noisy = wave.enumerated().map { $1 * (1 + Float($0 % 3 - 1) * 1e-5) }
    let comparison = try compare(
      tensor(noisy), tensor(wave), loose.get(), bothDigested: bothDigested)
    #expect(comparison.isMatch)
    #expect(comparison.summary.tensors.estimated == 1)
    #expect(comparison.summary.elements.compared == 0)
    #expect(comparison.firstDifference?.call.module == "m")
    let result = try result(comparison)
    #expect(result.difference == nil && result.isEstimated)
    #expect((try #require(result.error) - 8e-6).magnitude < 2e-6)
  }

  @Test(arguments: [false, true]) func anErrorFailsWithItsEstimate(bothDigested: Bool) throws {
    let wrong = wave.enumerated().map { $0 % 20 == 0 ? 0 : $1 }
    let comparison = try compare(
      tensor(wrong), tensor(wave), loose.get(), bothDigested: bothDigested)
    #expect(!comparison.isMatch)
    let result = try result(comparison)
    #expect(result.verdict == .values)
    #expect(result.reason?.contains("by digests, and rtol and atol allow at most 0.0") == true)
    #expect(result.reason?.contains("outliers") == false)
    #expect(comparison.firstDivergence?.call.module == "m")
  }

  @Test func extremesTellWhatTheNormHides() throws {
    // One of 60,000 elements is off by a hundred times what the rule allows it.
    let many = (0..<60_000).map { Float($0 % 37) * 0.25 }
    var wrong = many
    wrong[36] = 10
    let comparison = try compare(tensor(wrong), tensor(many), Tolerance(rtol: 1e-2, atol: 0))
    #expect(!comparison.isMatch)
    #expect(try result(comparison).reason?.contains("minima and maxima") == true)
  }

  @Test func samplesTellWhatTheNormHides() throws {
    let places = TensorDigest.samplePositions(elementCount: 600, seed: 0)
    var wrong = wave
    wrong[places[9]] += 0.02
    let tolerance = try Tolerance(rtol: 1e-3, atol: 5e-3)
    #expect(try compare(tensor(wrong), tensor(wave), tolerance).isMatch)
    let comparison = try compare(tensor(wrong), tensor(wave), tolerance, keep: .sample)
    #expect(!comparison.isMatch)
    #expect(try result(comparison).reason?.hasPrefix("1 of 256 sampled elements") == true)
    #expect(comparison.summary.elements.compared == 256)
    // What a sample tells of elements that are within does not fail.
    wrong[places[9]] = wave[places[9]] + 0.002
    #expect(try compare(tensor(wrong), tensor(wave), tolerance, keep: .sample).isMatch)
  }

  /// Whatever the tolerance: what is finer than the estimate's resolution is no match.
  @Test(arguments: [(0, 0), (1e-9, 0), (0, 1e-9)]) func fineTolerancesFail(
    rtol: Double, atol: Double
  ) throws {
    var other = wave
    other[5] = other[5].nextUp
    let comparison = try compare(
      tensor(other), tensor(wave), Tolerance(rtol: rtol, atol: atol))
    #expect(!comparison.isMatch)
  }

  @Test func nonFiniteValuesFailUnlessBytesAreEqual() throws {
    let nan = [.nan] + wave
    let widest = try Tolerance(rtol: 1e9, atol: 1e9, equalNaN: true)
    for (a, e) in [
      (nan, [0] + wave), ([0] + wave, nan), ([.infinity] + wave, nan), (nan, wave + [.nan]),
      ([.infinity] + wave, [-.infinity] + wave),
    ] {
      let comparison = try compare(tensor(a), tensor(e), widest)
      #expect(!comparison.isMatch)
      #expect(try result(comparison).reason != nil)
    }
    #expect(try compare(tensor(nan), tensor(nan), widest).isMatch)
    #expect(try !compare(tensor(nan), tensor(nan), loose.get()).isMatch)
    let more = try compare(tensor([.nan, .nan] + wave), tensor([.nan, 0] + wave), widest)
    #expect(try result(more).error == .infinity)
    #expect(
      try result(more).reason
        == "it has 2 NaN and 0 infinite values instead of 1 and 0")
    let moved = try compare(
      tensor([.nan, .infinity] + wave), tensor([.infinity, .nan] + wave), widest)
    #expect(
      try result(moved).reason
        == "its bytes differ, and digests do not tell where its 2 NaN or infinite values are")
    for (count, text) in [(1, "1 position,"), (2, "2 positions,")] {
      let nans = try tensor([Float](repeating: .nan, count: count) + wave)
      let reason = try result(compare(nans, nans, loose.get())).reason
      #expect(reason == "both are NaN at \(text) which match only under equal_nan")
    }
    #expect(more.firstNonFinite?.call.module == "m")
  }

  /// Whatever is allowed: nothing tells how far apart they are.
  @Test func digestsOfOtherDirectionsAreNoMatch() throws {
    func note(_ values: [Float], _ seed: Int, _ isProjected: Bool) throws -> SkippedTensor {
      var digest = TensorDigest(of: try tensor(values), seed: seed)
      if !isProjected { digest.projection = nil }
      return SkippedTensor(
        dtype: .float32, shape: .vector(values.count), device: .cpu, reason: "only a digest",
        digest: digest)
    }
    var nearly = wave
    nearly[5] = nearly[5].nextUp
    let bound = try ToleranceRules(yaml: "rules: [{module: .*, bound: rel_l2 <= 1e9}]")
    for tolerance in [try Tolerance(rtol: 1e9, atol: 1e9), .rules(bound)] {
      for (seed, ours, theirs) in [(1, true, true), (0, false, true), (0, true, false)] {
        var (actual, expected) = (InMemoryRun(path: "a"), InMemoryRun(path: "e"))
        actual.add(nil, "m", "outputs", skipped: try note(nearly, seed, ours))
        expected.add(nil, "m", "outputs", skipped: try note(wave, 0, theirs))
        let comparison = try RunComparison.compare(
          actual: actual, expected: expected, options: .init(tolerance: tolerance))
        #expect(!comparison.isMatch)
        #expect(
          try result(comparison).reason
            == "its bytes differ, and the digests have no projections of one seed to tell by how "
            + "much")
      }
      #expect(try compare(tensor(nearly), tensor(wave), tolerance).isMatch)
    }
  }

  /// Of `count` elements the first and all others, and whether rtol and atol allow what is between.
  struct ByHand: Sendable {
    var count = 600
    var actual: (first: Float, rest: Float)
    var expected: (first: Float, rest: Float)
    var rtol = 0.0
    var atol = 0.0
    var matches: Bool

    static let all: [ByHand] = [
      // Just what is allowed, and twice as much.
      .init(count: 1, actual: (1.5, 0), expected: (1, 0), atol: 0.5, matches: true),
      .init(count: 1, actual: (1.5, 0), expected: (1, 0), rtol: 0.5, matches: true),
      .init(count: 1, actual: (1.5, 0), expected: (1, 0), atol: 0.25, matches: false),
      .init(count: 1, actual: (1.5, 0), expected: (1, 0), rtol: 0.25, matches: false),
      // Half of what is allowed everywhere: its norm grows with the number of elements.
      .init(actual: (0.25, 0.25), expected: (0, 0), atol: 0.5, matches: true),
      .init(actual: (1, 1), expected: (0, 0), atol: 0.5, matches: false),
      // The largest magnitude decides, below zero and above it.
      .init(actual: (-100.5, 1), expected: (-100, 1), rtol: 1e-2, matches: true),
      .init(actual: (100.5, -1), expected: (100, -1), rtol: 1e-2, matches: true),
      .init(actual: (-102, 1), expected: (-100, 1), rtol: 1e-2, matches: false),
      // Twice what is allowed at the maximum of small values, which is nothing to their norm.
      .init(count: 6000, actual: (0.102, 0.1), expected: (0.1, 0.1), rtol: 1e-2, matches: false),
      .init(count: 6000, actual: (0.1005, 0.1), expected: (0.1, 0.1), rtol: 1e-2, matches: true),
    ]
  }

  @Test(arguments: ByHand.all) func whatIsAllowedIsWorkedOutByHand(_ example: ByHand) throws {
    func values(_ pair: (first: Float, rest: Float)) throws -> Tensor {
      try tensor([pair.first] + [Float](repeating: pair.rest, count: example.count - 1))
    }
    let comparison = try compare(
      values(example.actual), values(example.expected),
      Tolerance(rtol: example.rtol, atol: example.atol))
    #expect(comparison.isMatch == example.matches)
  }

  @Test func complexNumbersAreEstimatedToo() throws {
    let noisy = wave.map { $0 * (1 + 1e-5) }
    let (a, e) = (
      try Tensor(noisy, dtype: .complex64, shape: .vector(300)),
      try Tensor(wave, dtype: .complex64, shape: .vector(300))
    )
    #expect(try compare(a, e, loose.get()).isMatch)
    #expect(try !compare(a, e, .exact).isMatch)
  }

  @Test func integersMatchByTheirBytesAlone() throws {
    let (a, e) = ((0..<300).map(Int64.init), (1..<301).map(Int64.init))
    let comparison = try compare(
      Tensor(a, dtype: .int64), Tensor(e, dtype: .int64), Tolerance(rtol: 1, atol: 100))
    #expect(!comparison.isMatch)
    #expect(try result(comparison).reason?.contains("all that digests of int64 tell") == true)
    #expect(
      try compare(Tensor(a, dtype: .int64), Tensor(a, dtype: .int64), .exact).isMatch)
  }

  @Test func otherShapesAndDTypesFailWithoutFigures() throws {
    let flat = try tensor(wave)
    let square = try Tensor(wave, dtype: .float32, shape: Shape([30, 20]))
    let double = try Tensor(wave.map(Double.init), dtype: .float64)
    for (other, verdict) in [(square, Verdict.shape), (double, .dtype)] {
      let comparison = try compare(other, flat, loose.get())
      #expect(try result(comparison).verdict == verdict)
      #expect(try result(comparison).estimate == nil)
      #expect(!comparison.isMatch)
    }
  }

  @Test func anySizeMayBeClaimed() throws {
    var statistics = TensorStatistics()
    statistics.elementCount = 1 << 47
    (statistics.min, statistics.max, statistics.mean) = (0, 1, 0.5)
    statistics.standardDeviation = 0.5
    func note(_ hash: Character) throws -> SkippedTensor {
      SkippedTensor(
        dtype: .uint8, shape: try Shape([1 << 47]), device: .cpu, reason: "only a digest",
        digest: TensorDigest(
          seed: 0, statistics: statistics, sha256: String(repeating: hash, count: 64),
          projection: nil, sample: nil))
    }
    var (actual, expected) = (InMemoryRun(path: "a"), InMemoryRun(path: "e"))
    for slot in 0..<6 {
      actual.add(nil, "m", "outputs_\(slot)", skipped: try note("0"))
      expected.add(nil, "m", "outputs_\(slot)", skipped: try note("0"))
    }
    #expect(try RunComparison.compare(actual: actual, expected: expected).isMatch)
    actual.add(nil, "n", "outputs", skipped: try note("0"))
    expected.add(nil, "n", "outputs", skipped: try note("1"))
    #expect(try !RunComparison.compare(actual: actual, expected: expected).isMatch)
  }

  @Test func whatIsSkippedWithoutADigestIsMissing() throws {
    var (actual, expected) = (InMemoryRun(path: "a"), InMemoryRun(path: "e"))
    var note = digested(try tensor(wave))
    expected.add(nil, "m", "outputs", skipped: note)
    note.digest = nil
    actual.add(nil, "m", "outputs", skipped: note)
    let comparison = try RunComparison.compare(actual: actual, expected: expected)
    #expect(!comparison.isMatch)
    #expect(comparison.summary.tensors.missingInActual == 1)
    let turned = try RunComparison.compare(actual: expected, expected: actual)
    #expect(turned.summary.tensors.missingInExpected == 1)
  }

  @Test(
    arguments: [
      ("rel_l2 <= 0.02", true, nil), ("rel_l2 <= 0.005", false, "rel_l2 is about 0.0"),
      ("cosine >= 0.999", true, nil), ("rmse <= 1e-4", false, "rmse is about"),
      ("max_abs <= 100", false, "max_abs is not known of a digest"),
      ("worst_row <= 100", false, "worst_row is not known of a digest"),
      ("max_abs <= 100 or rel_l2 <= 0.02", true, nil),
      ("max_abs <= 100 and rel_l2 <= 0.02", false, "max_abs is not known of a digest"),
    ] as [(String, Bool, String?)])
  func boundsHoldForTheEstimate(bound: String, passes: Bool, reason: String?) throws {
    let rules = try ToleranceRules(yaml: "rules: [{module: .*, bound: \"\(bound)\"}]")
    let scaled = wave.enumerated().map { $1 * ($0 % 2 == 0 ? 1.01 : 0.99) }
    let comparison = try compare(tensor(scaled), tensor(wave), .rules(rules))
    #expect(comparison.isMatch == passes)
    let found = try result(comparison).reason ?? ""
    #expect(reason.map(found.contains) ?? found.isEmpty, "\(found)")
    #expect(try compare(tensor(wave), tensor(wave), .rules(rules)).isMatch)
  }

  /// Equal bytes meet no bound of a figure that they do not tell.
  @Test(arguments: [
    ("bhattacharyya >= 0.99", "bhattacharyya is not known of a digest, so not >= 0.99"),
    ("cosine >= 2", "cosine 1, not >= 2"),
  ])
  func boundsThatEqualBytesDoNotMeetFail(bound: String, reason: String) throws {
    let rules = try ToleranceRules(yaml: "rules: [{module: .*, bound: \(bound)}]")
    for bothDigested in [false, true] {
      let comparison = try compare(
        tensor(wave), tensor(wave), .rules(rules), bothDigested: bothDigested)
      #expect(!comparison.isMatch)
      #expect(try result(comparison).reason == reason)
    }
  }

  /// Four digits, unless the number has no such text.
  @Test(arguments: [
    (0.0123456, "0.01235"), (-99999, "-100000"), (0, "0"), (.infinity, "inf"),
    (.greatestFiniteMagnitude, "1.7976931348623157e+308"), (2.5e-308, "2.5e-308"),
  ]) func aboutTextHasFourDigits(number: Double, text: String) {
    #expect(number.aboutText == text)
  }

  @Test func outliersAreNotCounted() throws {
    let rules = try ToleranceRules(
      yaml: "rules: [{module: .*, rtol: 1e-3, atol: 1e-3, outliers: 50%}]")
    var wrong = wave
    wrong[3] = 0
    let comparison = try compare(tensor(wrong), tensor(wave), .rules(rules))
    #expect(!comparison.isMatch)
    #expect(try result(comparison).reason?.contains("cannot be told from a digest") == true)
  }

  @Test func tensorsWithoutARuleFail() throws {
    let rules = try ToleranceRules(yaml: "rules: [{module: other, rtol: 1, atol: 1}]")
    let comparison = try compare(
      tensor(wave.map { $0 + 1 }), tensor(wave), .rules(rules))
    #expect(!comparison.isMatch)
    #expect(
      try result(comparison).reason
        == "no tolerance rule matches it, so it was judged exactly, and its bytes differ")
    #expect(comparison.failures.contains { if case .unmatchedByRules = $0 { true } else { false } })
  }

  @Test func mappingsRenameDigestsAndTransformOnlyElements() throws {
    let matrix = try Tensor(wave, dtype: .float32, shape: Shape([30, 20]))
    let halves = try [wave.prefix(300), wave.suffix(300)].map {
      try Tensor(Array($0), dtype: .float32, shape: Shape([15, 20]))
    }
    func compare(_ rule: String, _ actual: InMemoryRun, _ expected: InMemoryRun) throws
      -> RunComparison
    {
      try RunComparison.compare(
        actual: actual, expected: expected,
        options: .init(tolerance: .exact, mapping: Mapping(yaml: "rules: [\(rule)]")))
    }
    var (actual, expected) = (InMemoryRun(path: "a"), InMemoryRun(path: "e"))
    actual.add(matrix, "x", "outputs")
    expected.add(nil, "y", "outputs", skipped: digested(matrix))
    #expect(try compare("{actual: x, expected: y}", actual, expected).isMatch)
    let transformed = try compare(
      "{actual: x, expected: y, expected_transform: [{reshape: [600]}], "
        + "actual_transform: [{reshape: [600]}]}", actual, expected)
    #expect(!transformed.isMatch)
    #expect(try result(transformed).reason?.contains("the mapping cannot transform") == true)

    // An axis of 1 is nothing to the elements.
    var batched = InMemoryRun(path: "e")
    batched.add(
      nil, "y", "outputs",
      skipped: digested(try Tensor(wave, dtype: .float32, shape: Shape([1, 30, 20]))))
    for squeeze in ["{squeeze: 0}", "{squeeze: -3}"] {
      #expect(
        try compare("{actual: x, expected: y, expected_transform: [\(squeeze)]}", actual, batched)
          .isMatch)
    }
    #expect(
      try !compare("{actual: x, expected: y, expected_transform: [{squeeze: 1}]}", actual, batched)
        .isMatch)
    #expect(try !compare("{actual: x, expected: y}", actual, batched).isMatch)

    var parts = InMemoryRun(path: "e")
    for (index, half) in halves.enumerated() {
      parts.add(nil, "y\(index)", "outputs", skipped: digested(half))
    }
    #expect(
      try compare("{actual: x, expected: [y0, y1], concatenate: 0}", actual, parts).isMatch)
  }
}
