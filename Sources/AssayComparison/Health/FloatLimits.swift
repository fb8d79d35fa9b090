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
    guard let format = floatFormat else { return nil }
    let (large, small): (Double, Double)
    switch self {
    case .float64, .complex128: (large, small) = (0x1p512, 0x1p-511)
    case .float32, .complex64, .bfloat16: (large, small) = (0x1p64, 0x1p-63)
    case .float16, .complex32:
      (large, small) = (format.largest / 4, format.smallestNormal * 4)
    // Scales of blocks, which no one computes with.
    case .float8_e8m0fnu: return nil
    default: (large, small) = (.infinity, 0)
    }
    return FloatLimits(
      largest: format.largest, smallestNormal: format.smallestNormal, large: large, small: small,
      isScaled: large == .infinity)
  }
}
