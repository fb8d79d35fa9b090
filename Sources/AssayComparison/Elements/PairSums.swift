import AssayRuns
import AssayTensors

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
  var product = ScaledProduct()
  var largestExpected = 0.0

  /// Fills in what is defined when there is a finite pair.
  func complete(_ difference: inout Difference) {
    guard difference.finitePairCount > 0 else {
      difference.worstRow = nil
      return
    }
    let count = Double(difference.finitePairCount)
    let largest = difference.maxAbs?.value ?? 0
    let error = gaps / expected
    difference.meanAbs = abs / count
    difference.rmse = gaps.root / count.squareRoot()
    difference.relativeL2 = error
    difference.relativeLinf = largest == 0 ? 0 : largest / largestExpected
    // Subtracted from 0, so that an error of 1 gives 0 and not -0.
    difference.snrDecibels = error == 0 ? .infinity : 0 - 20 * log10(error)
    difference.cosine = cosine
    difference.sglRel = sglRel
  }

  private var cosine: Double {
    if actual.isZero || expected.isZero { return actual.isZero && expected.isZero ? 1 : 0 }
    let direct = product.cosine(actual, expected)
    guard direct > 0.5 else { return max(direct, -1) }
    // For near vectors the law of cosines keeps the digits that a quotient near 1 would lose.
    let (d, a) = (gaps / expected, actual / expected)
    return min(1 - (d * d - (a - 1) * (a - 1)) / a / 2, 1)
  }

  /// The definition's `1 - 2 sum(a e) / (sum a^2 + sum e^2)` without its cancellation.
  private var sglRel: Double {
    if expected.isZero { return actual.isZero ? 0 : 1 }
    let (d, a) = (gaps / expected, actual / expected)
    guard d.isFinite && a.isFinite else { return 1 - 2 * cosine / (a + 1 / a) }
    let size = max(a, 1)
    let (x, y, z) = (d / size, a / size, 1 / size)
    return x * x / (y * y + z * z)
  }
}
