#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Sums over the finite pairs, and the figures that come of them.
struct PairSums {
  var abs = 0.0
  var gaps = ScaledSquares()
  var actual = ScaledSquares()
  var expected = ScaledSquares()
  var product = 0.0
  var largestExpected = 0.0

  /// 0 / 0 is no error, anything else over 0 an infinite one.
  static func ratio(_ error: Double, _ reference: Double) -> Double {
    error == 0 ? 0 : error / reference
  }

  /// Fills in what is defined when there is a finite pair.
  func complete(_ difference: inout Difference) {
    guard difference.finitePairCount > 0 else {
      difference.worstRow = nil
      return
    }
    let count = Double(difference.finitePairCount)
    let (d, a, e) = (gaps.root, actual.root, expected.root)
    difference.meanAbs = abs / count
    difference.rmse = d / count.squareRoot()
    difference.relativeL2 = PairSums.ratio(d, e)
    difference.relativeLinf = PairSums.ratio(difference.maxAbs?.value ?? 0, largestExpected)
    difference.snrDecibels = d == 0 ? .infinity : 20 * log10(e / d)
    difference.cosine = cosine(d, a, e)
    difference.sglRel = sglRel(d, a, e)
  }

  private func cosine(_ d: Double, _ a: Double, _ e: Double) -> Double {
    if a == 0 || e == 0 { return a == e ? 1 : 0 }
    let direct = product.isFinite ? product / a / e : 1
    // For near vectors the law of cosines keeps the digits that a quotient near 1 would lose.
    let near = 1 - ((d / a) * (d / e) - ((a - e) / a) * ((a - e) / e)) / 2
    return min(max(direct > 0.5 ? near : direct, -1), 1)
  }

  /// The definition's `1 - 2 sum(a e) / (sum a^2 + sum e^2)` without its cancellation.
  private func sglRel(_ d: Double, _ a: Double, _ e: Double) -> Double {
    let largest = max(a, e)
    if largest == 0 { return 0 }
    let (x, y, z) = (a / largest, e / largest, d / largest)
    return z * z / (x * x + y * y)
  }
}
