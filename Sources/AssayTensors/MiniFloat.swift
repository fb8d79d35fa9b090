/// Scalar conversions of the small float formats from their bits; the oracle of the bulk kernels.
package enum MiniFloat {
  /// IEEE 754 binary16.
  package static func float16(_ bits: UInt16) -> Float {
    decode(UInt32(bits), .float16)
  }

  /// The upper half of a binary32.
  package static func bfloat16(_ bits: UInt16) -> Float {
    Float(bitPattern: UInt32(bits) << 16)
  }

  /// OCP 8-bit float with 4 exponent bits: no infinity, NaN only as 0x7F and 0xFF.
  package static func float8E4M3FN(_ bits: UInt8) -> Float {
    bits & 0x7F == 0x7F
      ? (bits < 0x80 ? .nan : -.nan)
      : decode(UInt32(bits), .float8_e4m3fn)
  }

  /// OCP 8-bit float with 5 exponent bits, like the upper half of a binary16.
  package static func float8E5M2(_ bits: UInt8) -> Float {
    float16(UInt16(bits) << 8)
  }

  /// 8-bit float with 4 exponent bits of bias 8: no infinity, no -0; 0x80 is its only NaN.
  package static func float8E4M3FNUZ(_ bits: UInt8) -> Float {
    bits == 0x80 ? .nan : decode(UInt32(bits), .float8_e4m3fnuz)
  }

  /// 8-bit float with 5 exponent bits of bias 16: no infinity, no -0; 0x80 is its only NaN.
  package static func float8E5M2FNUZ(_ bits: UInt8) -> Float {
    bits == 0x80 ? .nan : decode(UInt32(bits), .float8_e5m2fnuz)
  }

  /// A power of two without a sign, from 2^-127; 0xFF is NaN, and there is no zero.
  package static func float8E8M0FNU(_ bits: UInt8) -> Float {
    bits == 0xFF ? .nan : Float(sign: .plus, exponent: Int(bits) - 127, significand: 1)
  }

  /// OCP 4-bit float in the low half of a byte: up to 6, neither infinity nor NaN.
  package static func float4E2M1FN(_ bits: UInt8) -> Float {
    decode(UInt32(bits & 0xF), .float4_e2m1fn)
  }

  private static func decode(_ bits: UInt32, _ format: FloatFormat) -> Float {
    let (exponentBits, fractionBits) = (format.exponentBits, format.fractionBits)
    let fraction = bits & (1 << fractionBits - 1)
    let exponent = bits >> fractionBits & (1 << exponentBits - 1)
    let sign = bits >> (fractionBits + exponentBits) & 1
    let magnitude: Float
    if exponent == 0 {
      magnitude = Float(
        sign: .plus, exponent: 1 - format.bias - fractionBits, significand: Float(fraction))
    } else if format.nonFinite == .exponentOfOnes && exponent == 1 << exponentBits - 1 {
      let payload = 0x7F80_0000 | fraction << (23 - fractionBits)
      return Float(bitPattern: payload | sign << 31)
    } else {
      magnitude = Float(
        bitPattern: UInt32(Int(exponent) - format.bias + 127) << 23
          | fraction << (23 - fractionBits))
    }
    return sign == 1 ? -magnitude : magnitude
  }
}
