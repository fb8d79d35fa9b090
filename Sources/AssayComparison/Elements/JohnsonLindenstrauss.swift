#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// How far a random projection may be from what it estimates.
///
/// For k random directions of signs, the square of an estimated norm is the true one times a factor
/// within `1 - e ... 1 + e`, but for a probability of `2 exp(-k (e^2 / 4 - e^3 / 6))`: D. Achlioptas,
/// Database-friendly random projections, Journal of Computer and System Sciences 66 (2003), lemma
/// behind theorem 1.1. That the directions do not depend on the data is what makes it hold.
package enum JohnsonLindenstrauss {
  /// The e of the lemma.
  ///
  /// - Parameters:
  ///   - directions: How many there are.
  ///   - confidence: The probability that the factor is within the bounds, below 1.
  /// - Returns: At most 1: fewer directions tell nothing.
  package static func distortion(directions: Int, confidence: Double) -> Double {
    let needed = log(2 / (1 - confidence)) / Double(directions)
    func exponent(_ e: Double) -> Double { e * e / 4 - e * e * e / 6 }
    var (low, high) = (0.0, 1.0)
    guard exponent(high) > needed else { return 1 }
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if exponent(middle) < needed { low = middle } else { high = middle }
    }
    return high
  }
}
