package import AssayTensors

/// Where the numbers of a floating point dtype end, and from where on they are near their ends.
package struct FloatLimits {
  /// The largest finite number.
  package var largest: Double
  /// The smallest number with all its digits; smaller ones are subnormal.
  package var smallestNormal: Double
  /// The magnitude from which on a number is near the largest.
  package var large: Double
  /// The magnitude up to which a number is near the smallest.
  var small: Double
  /// Whether numbers are scaled to fill the range, so that the largest are usual.
  var isScaled = false
}

extension DType {
  /// The limits of each real part; `nil` for a dtype that is no float.
  ///
  /// float16 is narrow: near is a factor of 4. The others reach so far that no sane value comes that
  /// close: near is where squares overflow or vanish.
  package var floatLimits: FloatLimits? {
    switch self {
    case .float64, .complex128:
      FloatLimits(
        largest: .greatestFiniteMagnitude, smallestNormal: 0x1p-1022, large: 0x1p512,
        small: 0x1p-511)
    case .float32, .complex64:
      FloatLimits(
        largest: Double(Float.greatestFiniteMagnitude), smallestNormal: 0x1p-126, large: 0x1p64,
        small: 0x1p-63)
    case .bfloat16:
      FloatLimits(
        largest: 0x1.FEp127, smallestNormal: 0x1p-126, large: 0x1p64, small: 0x1p-63)
    case .float16, .complex32:
      FloatLimits(
        largest: 65504, smallestNormal: 0x1p-14, large: 16376, small: 0x1p-12)
    case .float8_e4m3fn: .scaled(largest: 448, smallestNormal: 0x1p-6)
    case .float8_e5m2: .scaled(largest: 57344, smallestNormal: 0x1p-14)
    case .float8_e4m3fnuz: .scaled(largest: 240, smallestNormal: 0x1p-7)
    case .float8_e5m2fnuz: .scaled(largest: 57344, smallestNormal: 0x1p-15)
    case .float4_e2m1fn_x2: .scaled(largest: 6, smallestNormal: 1)
    default: nil
    }
  }
}

extension FloatLimits {
  fileprivate static func scaled(largest: Double, smallestNormal: Double) -> FloatLimits {
    FloatLimits(
      largest: largest, smallestNormal: smallestNormal, large: .infinity, small: 0, isScaled: true)
  }
}
