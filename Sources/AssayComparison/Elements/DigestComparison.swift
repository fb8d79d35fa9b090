import AssayRuns
import AssayTensors

extension DigestEstimate {
  /// What two digests of tensors of one shape and dtype tell.
  ///
  /// - Parameters:
  ///   - rule: The rule under which sampled elements match.
  ///   - dtype: The dtype of both.
  init(actual: TensorDigest, expected: TensorDigest, rule: ElementRule, dtype: DType) {
    isEqual = actual.sha256 == expected.sha256
    elementCount = expected.statistics.elementCount
    actualStatistics = actual.statistics
    expectedStatistics = expected.statistics
    guard !isEqual else {
      norm = Figure(value: 0, lower: 0, upper: 0)
      maxAbsAtLeast = 0
      return
    }
    guard nonFiniteCount == 0 else { return }
    sample = Self.sample(actual, expected, rule, dtype)
    maxAbsAtLeast = max(Self.extremeGap(actual, expected), sample?.maxAbs?.value ?? 0)
    norm = Self.norm(actual, expected, atLeast: maxAbsAtLeast ?? 0)
  }

  /// The number of elements of either side that are NaN or infinite, whose places are not known.
  var nonFiniteCount: Int {
    [actualStatistics, expectedStatistics].reduce(0) { $0 + $1.nanCount + $1.infCount }
  }

  /// Whether one side has more NaN or infinite elements.
  var differsInNonFinite: Bool {
    let (a, e) = (actualStatistics, expectedStatistics)
    return a.nanCount != e.nanCount || a.infCount != e.infCount
  }

  private static func extremeGap(_ actual: TensorDigest, _ expected: TensorDigest) -> Double {
    let (a, e) = (actual.statistics, expected.statistics)
    guard let min = a.min, let max = a.max, let otherMin = e.min, let otherMax = e.max else {
      return 0
    }
    return Swift.max((min - otherMin).magnitude, (max - otherMax).magnitude)
  }

  private static func sample(
    _ actual: TensorDigest, _ expected: TensorDigest, _ rule: ElementRule, _ dtype: DType
  ) -> Difference? {
    guard actual.seed == expected.seed, let ours = actual.sample, let theirs = expected.sample
    else { return nil }
    func tensor(_ bytes: [UInt8]) -> Tensor? {
      try? Tensor(
        storage: bytes.withUnsafeBytes { Storage(copying: $0) }, dtype: dtype,
        shape: .vector(bytes.count / dtype.byteCount))
    }
    guard let a = tensor(ours), let e = tensor(theirs) else { return nil }
    return try? TensorComparison.difference(actual: a, expected: e, rule: rule)
  }

  /// The norm of the difference.
  ///
  /// Its bounds are those of the lemma, widened by the rounding of the stored projections, below which
  /// nothing is claimed, and narrowed by what the figures of both sides say for certain.
  private static func norm(
    _ actual: TensorDigest, _ expected: TensorDigest, atLeast maxAbs: Double
  ) -> Figure? {
    guard actual.seed == expected.seed, let ours = actual.projection,
      let theirs = expected.projection, ours.count == theirs.count
    else { return nil }
    let (a, e) = (actual.statistics, expected.statistics)
    let sum = a.l2 + e.l2
    guard sum.isFinite else { return nil }
    var (gaps, squares) = ((0.0), (ours: 0.0, theirs: 0.0))
    for (y, z) in zip(ours, theirs) {
      let (y, z) = (Double(y), Double(z))
      gaps += (y - z) * (y - z)
      squares.ours += y * y
      squares.theirs += z * z
    }
    let directions = Double(ours.count)
    let estimate = (gaps / directions).squareRoot()
    // Each of both was rounded to nearest: by at most half a unit in the last of 24 places.
    let rounding =
      0x1p-24
      * ((squares.ours / directions).squareRoot()
        + (squares.theirs / directions).squareRoot()) + 0x1p-149
    // What is certain but for float64's own rounding of the figures.
    let doubt = 1e-12 * sum
    let count = Double(max(e.elementCount, 1))
    let meanGap = ((a.mean ?? 0) - (e.mean ?? 0)).magnitude * count.squareRoot()
    let certain = max((a.l2 - e.l2).magnitude - doubt, meanGap - doubt, maxAbs, 0)
    let distortion = JohnsonLindenstrauss.distortion(
      directions: ours.count, confidence: DigestEstimate.confidence)
    let lower = max((estimate - rounding) / (1 + distortion).squareRoot(), certain)
    let upper = min((estimate + rounding) / (1 - distortion).squareRoot(), sum)
    let value = max(min(max(estimate, rounding), sum), certain)
    return Figure(value: value, lower: min(lower, value), upper: max(upper, value))
  }
}
