/// The rule for one pair of elements: `|actual - expected| <= atol + rtol * |expected|`.
///
/// It is evaluated in float32 for floats of up to 32 bits (as `torch.isclose` and `numpy.isclose`
/// do for float32, so verdicts agree to the bit; bounds are rounded to float32 first), in float64
/// for float64 and complex numbers, whose magnitude is the modulus. An integer difference is
/// exact and meets a float64 bound. Booleans match only when equal. Infinities match only equal
/// ones, however wide the bound; so does a finite pair whose difference overflows.
public struct ElementRule: Sendable, Hashable {
  /// The share of the expected magnitude that is allowed.
  public let rtol: Double
  /// The absolute difference that is allowed.
  public let atol: Double
  /// Whether a NaN matches a NaN.
  public let equalNaN: Bool

  /// Makes a rule.
  ///
  /// - Parameters:
  ///   - rtol: The share of the expected magnitude that is allowed.
  ///   - atol: The absolute difference that is allowed.
  ///   - equalNaN: Whether a NaN matches a NaN.
  /// - Throws: ``ComparisonError/invalidTolerance(name:value:)`` for a bound that is negative,
  ///   infinite or NaN.
  public init(rtol: Double, atol: Double, equalNaN: Bool = false) throws(ComparisonError) {
    for (name, value) in [("rtol", rtol), ("atol", atol)] where !(value >= 0 && value.isFinite) {
      throw .invalidTolerance(name: name, value: String(value))
    }
    self.init(validRtol: rtol, atol: atol, equalNaN: equalNaN)
  }

  init(validRtol rtol: Double, atol: Double, equalNaN: Bool) {
    self.rtol = rtol
    self.atol = atol
    self.equalNaN = equalNaN
  }

  /// The bounds as an arithmetic uses them; too large for float32 is its largest number.
  func bounds(inFloat32: Bool) -> (rtol: Double, atol: Double) {
    func round(_ bound: Double) -> Double {
      inFloat32 ? Double(min(Float(bound), .greatestFiniteMagnitude)) : bound
    }
    return (round(rtol), round(atol))
  }

  /// Only equal values match.
  public static let exact = ElementRule(validRtol: 0, atol: 0, equalNaN: false)
}
