/// How a binary floating point format uses its bits: the sign on top, the fraction at the bottom.
///
/// What is known of a format stands here once; limits, decoders and types in files are made of it.
package struct FloatFormat: Hashable, Sendable {
  /// Which bits are no finite numbers.
  package enum NonFinite: Sendable {
    /// IEEE 754's: where all bits of the exponent are set, infinity or NaN.
    case exponentOfOnes
    /// Where all bits but the sign are set, NaN; there is no infinity.
    case onesAreNaN
    /// Where the sign alone is set, NaN; there is neither infinity nor -0.
    case negativeZeroIsNaN
    /// There are none.
    case none
  }

  /// The number of bits of the exponent.
  package var exponentBits: Int
  /// The number of bits of the fraction, without the implied one.
  package var fractionBits: Int
  /// What is subtracted from the exponent's bits.
  package var bias: Int
  /// Which bits are no finite numbers.
  package var nonFinite: NonFinite

  /// Makes a format.
  ///
  /// - Parameter bias: `nil` for IEEE 754's, half of the exponent's range.
  package init(
    exponentBits: Int, fractionBits: Int, bias: Int? = nil, nonFinite: NonFinite = .exponentOfOnes
  ) {
    self.exponentBits = exponentBits
    self.fractionBits = fractionBits
    self.bias = bias ?? 1 << (exponentBits - 1) - 1
    self.nonFinite = nonFinite
  }

  /// The distance from 1 to the next larger number.
  package var epsilon: Double { Self.power(-fractionBits) }

  /// The smallest number with all its digits; smaller ones are subnormal.
  package var smallestNormal: Double { Self.power(1 - bias) }

  /// The largest finite number.
  package var largest: Double {
    let top = 1 << exponentBits - 1 - bias
    return switch nonFinite {
    case .exponentOfOnes: (2 - epsilon) * Self.power(top - 1)
    case .onesAreNaN: (2 - 2 * epsilon) * Self.power(top)
    case .negativeZeroIsNaN, .none: (2 - epsilon) * Self.power(top)
    }
  }

  private static func power(_ exponent: Int) -> Double {
    Double(sign: .plus, exponent: exponent, significand: 1)
  }
}

extension FloatFormat {
  package static let float64 = FloatFormat(exponentBits: 11, fractionBits: 52)
  package static let float32 = FloatFormat(exponentBits: 8, fractionBits: 23)
  package static let float16 = FloatFormat(exponentBits: 5, fractionBits: 10)
  package static let bfloat16 = FloatFormat(exponentBits: 8, fractionBits: 7)
  package static let float8_e4m3fn = FloatFormat(
    exponentBits: 4, fractionBits: 3, nonFinite: .onesAreNaN)
  package static let float8_e5m2 = FloatFormat(exponentBits: 5, fractionBits: 2)
  package static let float8_e4m3fnuz = FloatFormat(
    exponentBits: 4, fractionBits: 3, bias: 8, nonFinite: .negativeZeroIsNaN)
  package static let float8_e5m2fnuz = FloatFormat(
    exponentBits: 5, fractionBits: 2, bias: 16, nonFinite: .negativeZeroIsNaN)
  /// A power of two: neither sign, zero nor subnormal numbers.
  package static let float8_e8m0fnu = FloatFormat(
    exponentBits: 8, fractionBits: 0, nonFinite: .onesAreNaN)
  package static let float4_e2m1fn = FloatFormat(
    exponentBits: 2, fractionBits: 1, nonFinite: .none)
}

extension DType {
  /// The format of each real part; `nil` for integers and booleans.
  package var floatFormat: FloatFormat? {
    switch self {
    case .float64, .complex128: .float64
    case .float32, .complex64: .float32
    case .float16, .complex32: .float16
    case .bfloat16: .bfloat16
    case .float8_e4m3fn: .float8_e4m3fn
    case .float8_e5m2: .float8_e5m2
    case .float8_e4m3fnuz: .float8_e4m3fnuz
    case .float8_e5m2fnuz: .float8_e5m2fnuz
    case .float8_e8m0fnu: .float8_e8m0fnu
    case .float4_e2m1fn_x2: .float4_e2m1fn
    case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .bool: nil
    }
  }
}
