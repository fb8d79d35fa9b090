import AssayRuns
import Testing

@testable import AssayComparison
@testable import AssayTensors

/// What is estimated from projections, beside what the elements say.
@Suite struct DigestEstimateTests {
  /// From Newton's method in Python on `2 exp(-k (e^2 / 4 - e^3 / 6)) = 1 - confidence`.
  @Test(arguments: [
    (128, 0.99, 0.497_811_488_1), (128, 0.999, 0.645_860_720_9), (1024, 0.99, 0.151_742_860_6),
  ])
  func distortionIsTheLemmas(directions: Int, confidence: Double, expected: Double) {
    let found = JohnsonLindenstrauss.distortion(directions: directions, confidence: confidence)
    #expect((found - expected).magnitude < 1e-9)
  }

  @Test func tooFewDirectionsTellNothing() {
    #expect(JohnsonLindenstrauss.distortion(directions: 32, confidence: 0.99) == 1)
  }

  /// Values that look like nothing in particular, from the generator that the signs are not from.
  private func values(_ count: Int, seed: UInt64) -> [Float] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { _ in
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Float(Int64(bitPattern: state) >> 40) / Float(1 << 22)
    }
  }

  private func estimate(
    _ a: [Float], _ e: [Float], withSample: Bool = false, seeds: (Int, Int) = (0, 0),
    rule: ElementRule = .exact
  ) throws -> DigestEstimate {
    DigestEstimate(
      actual: TensorDigest(
        of: try Tensor(a, dtype: .float32), seed: seeds.0, withSample: withSample),
      expected: TensorDigest(
        of: try Tensor(e, dtype: .float32), seed: seeds.1, withSample: withSample),
      rule: rule, dtype: .float32)
  }

  /// Of 300 pairs, the lemma lets 3 be outside; by its caution fewer are.
  ///
  /// The mean of the estimates'
  /// squares over the true ones is 1, and their deviation sqrt(2 / 128).
  @Test func boundsHoldAsOftenAsTheySay() throws {
    var (outside, ratios): (Int, [Double]) = (0, [])
    for trial in 0..<300 {
      let expected = values(200, seed: UInt64(2 * trial + 1))
      let noise = values(200, seed: UInt64(2 * trial + 2))
      let size = Float(1e-5) * Float(1 << (trial % 10))
      let actual = zip(expected, noise).map { $0 + size * $1 }
      let truth = try TensorComparison.difference(
        actual: Tensor(actual, dtype: .float32), expected: Tensor(expected, dtype: .float32),
        rule: .exact)
      let found = try estimate(actual, expected, seeds: (trial, trial))
      let (figure, error) = (try #require(found.relativeL2), try #require(truth.relativeL2))
      if !(figure.lower...figure.upper).contains(error) { outside += 1 }
      let cosine = try #require(found.cosine)
      if !(cosine.lower - 1e-12...cosine.upper + 1e-12).contains(truth.cosine ?? 2) {
        outside += 1
      }
      ratios.append(figure.value * figure.value / (error * error))
    }
    #expect(outside <= 3)
    let mean = ratios.reduce(0, +) / 300
    let variance = ratios.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 300
    #expect((mean - 1).magnitude < 0.03)
    #expect((variance.squareRoot() - 0.125).magnitude < 0.02)
  }

  @Test func equalBytesHaveNoError() throws {
    let found = try estimate(values(300, seed: 1), values(300, seed: 1))
    #expect(found.isEqual)
    #expect(found.relativeL2 == .init(value: 0, lower: 0, upper: 0))
    // How a floor's errors are distributed, equal bytes do not tell.
    for metric in Metric.bounded where metric != .bhattacharyya {
      #expect(metric.value(of: found) != nil, "\(metric)")
    }
    #expect(Metric.snrDecibels.value(of: found) == .infinity)
    #expect(Metric.cosine.value(of: found) == 1)
  }

  @Test func nothingIsClaimedBelowTheRoundingOfProjections() throws {
    let expected = values(300, seed: 5)
    var actual = expected
    actual[7] = actual[7].nextUp
    let figure = try #require(try estimate(actual, expected).relativeL2)
    #expect(figure.value > 5e-8 && figure.value < 3e-7)
    #expect(figure.lower < 1e-8)
  }

  @Test func figuresOfBothSidesNarrowTheBounds() throws {
    let expected = values(300, seed: 5)
    // A multiple: its norm alone tells the difference.
    let figure = try #require(try estimate(expected.map { $0 * 2 }, expected).relativeL2)
    #expect(figure.lower > 0.999_999 && figure.value >= figure.lower && figure.upper <= 3)
    // A shift: the means do.
    let shifted = try estimate(expected.map { $0 + 4 }, expected)
    let truth = try TensorComparison.difference(
      actual: Tensor(expected.map { $0 + 4 }, dtype: .float32),
      expected: Tensor(expected, dtype: .float32), rule: .exact)
    let lower = try #require(shifted.relativeL2?.lower)
    #expect((lower / (truth.relativeL2 ?? 0) - 1).magnitude < 1e-6)
    #expect((try #require(shifted.maxAbsAtLeast) - 4).magnitude < 1e-6)
  }

  @Test func otherSeedsTellOnlyWhetherBytesAreEqual() throws {
    let expected = values(300, seed: 5)
    #expect(try estimate(expected, expected, seeds: (1, 2)).isEqual)
    let found = try estimate(expected.map { $0 + 1 }, expected, withSample: true, seeds: (1, 2))
    #expect(found.norm == nil && found.sample == nil && found.relativeL2 == nil)
    #expect(Metric.bounded.allSatisfy { $0.value(of: found) == nil })
  }

  @Test func figuresOfElementsAreNotKnown() throws {
    let expected = values(300, seed: 5)
    let found = try estimate(expected.map { $0 * 1.01 }, expected)
    let known: Set<Metric> = [.relativeL2, .rmse, .cosine, .sglRel, .snrDecibels]
    for metric in Metric.bounded {
      #expect((metric.value(of: found) != nil) == known.contains(metric), "\(metric)")
    }
    let truth = try TensorComparison.difference(
      actual: Tensor(expected.map { $0 * 1.01 }, dtype: .float32),
      expected: Tensor(expected, dtype: .float32), rule: .exact)
    for metric in known {
      let (a, e) = (try #require(metric.value(of: found)), try #require(metric.value(of: truth)))
      let gap = metric == .snrDecibels ? (a - e).magnitude / 10 : (a / e - 1).magnitude
      #expect(gap < (metric == .sglRel ? 0.5 : 0.25), "\(metric): \(a), \(e)")
    }
  }

  @Test func samplesAreComparedExactly() throws {
    let expected = values(4000, seed: 5)
    let places = TensorDigest.samplePositions(elementCount: 4000, seed: 0)
    var actual = expected
    actual[places[3]] += 1
    actual[places[200]] += 2
    let rule = try ElementRule(rtol: 0, atol: 0.5)
    let found = try estimate(actual, expected, withSample: true, rule: rule)
    #expect(found.sample?.mismatchedCount == 2)
    #expect(found.sample?.elementCount == 256)
    #expect((try #require(found.maxAbsAtLeast) - 2).magnitude < 1e-6)
  }
}
