/// A sum of squares that neither overflows nor vanishes, whatever float64 values come.
///
/// Scales are powers of two, so that ordinary values are summed as if there were none.
struct ScaledSquares {
  private var sum = 0.0
  private var scale = 0x1p480

  init() {}

  /// Takes over a sum that is known to have met no extreme values.
  init(plain sum: Double) {
    self.sum = sum
    scale = 1
  }

  mutating func add(_ value: Double) {
    var scaled = value * scale
    if scaled.magnitude > 0x1p490 {
      let next = value.magnitude > 0x1p490 ? 0x1p-534 : 1
      let change = next / scale
      sum = sum * change * change
      scale = next
      scaled = value * next
    }
    sum += scaled * scaled
  }

  /// The square root of the sum.
  var root: Double { sum.squareRoot() / scale }
}
