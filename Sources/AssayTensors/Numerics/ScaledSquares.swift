/// The powers of two by which float64 values are scaled so that their squares stay in range.
///
/// Scaling is exact: ordinary values are summed as if there were none.
package enum SquareScale {
  /// The scale at which a sum begins, good for the smallest values.
  package static let first = 0x1p1000

  /// Whether a value's square would leave the range.
  package static func isExceeded(by scaled: Double) -> Bool { scaled.magnitude > 0x1p490 }

  /// The scale for a value that exceeds the present one.
  package static func fitting(_ value: Double) -> Double {
    value.magnitude > 0x1p490 ? 0x1p-534 : 1
  }
}

/// A sum of squares that neither overflows nor vanishes, whatever float64 values come.
package struct ScaledSquares {
  private var sum = 0.0
  private var scale = SquareScale.first

  package init() {}

  /// Takes over a sum that is known to have met no extreme values.
  package init(plain sum: Double) {
    self.sum = sum
    scale = 1
  }

  package mutating func add(_ value: Double) {
    var scaled = value * scale
    if SquareScale.isExceeded(by: scaled) {
      let next = SquareScale.fitting(value)
      let change = next / scale
      sum = sum * change * change
      scale = next
      scaled = value * next
    }
    sum += scaled * scaled
  }

  package var isZero: Bool { sum == 0 }

  /// The square root of the sum, which may itself be out of range.
  package var root: Double { sum.squareRoot() / scale }

  /// The square root times a power of two.
  package func root(times factor: Double) -> Double { sum.squareRoot() * (factor / scale) }

  /// The quotient of two norms; 0 / 0 is no error, anything else over 0 an infinite one.
  package static func / (error: ScaledSquares, reference: ScaledSquares) -> Double {
    if error.isZero { return 0 }
    let ratio = error.sum.squareRoot() / reference.sum.squareRoot()
    return error.scale == reference.scale ? ratio : ratio / error.scale * reference.scale
  }
}

/// An inner product that neither overflows nor vanishes before it is divided by its norms.
package struct ScaledProduct {
  private var plain = 0.0
  private var ofLarge = 0.0
  private var ofSmall = 0.0
  private static let down = 0x1p-534
  private static let up = 0x1p534

  package init() {}

  /// Takes over a sum that is known to have met no extreme values.
  package init(plain sum: Double) {
    plain = sum
  }

  package mutating func add(_ product: (_ scale: Double) -> Double, isExtreme: Bool) {
    plain += product(1)
    guard isExtreme else { return }
    ofLarge += product(ScaledProduct.down)
    ofSmall += product(ScaledProduct.up)
  }

  /// The cosine of two vectors of these norms, neither of them zero.
  package func cosine(_ actual: ScaledSquares, _ expected: ScaledSquares) -> Double {
    let size = actual.root * expected.root
    if size > 0x1p-900 && size < 0x1p1000 { return plain / actual.root / expected.root }
    let (sum, scale) =
      size > 1 ? (ofLarge, ScaledProduct.down) : (ofSmall, ScaledProduct.up)
    return sum / actual.root(times: scale) / expected.root(times: scale)
  }
}
