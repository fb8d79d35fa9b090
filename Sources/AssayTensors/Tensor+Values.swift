extension Tensor {
  /// All elements as float32, row-major: rounded for float64 and wide integers, real parts only
  /// never: a complex tensor gives its real and imaginary parts in turn.
  ///
  /// - Returns: `elementCount` values, twice that for a complex dtype; `bool` gives 0 and 1.
  public func float32Values() -> [Float] {
    float64Values().map(Float.init)
  }

  /// All elements as float64, row-major; exact but for integers above 2^53.
  ///
  /// - Returns: `elementCount` values, twice that for a complex dtype; `bool` gives 0 and 1.
  public func float64Values() -> [Double] {
    withContiguousBytes { bytes in
      switch dtype {
      case .float64, .complex128: convert(bytes) { (value: Double) in value }
      case .float32, .complex64: convert(bytes) { (value: Float) in Double(value) }
      case .float16: convert(bytes) { (bits: UInt16) in Double(MiniFloat.float16(bits)) }
      case .bfloat16: convert(bytes) { (bits: UInt16) in Double(MiniFloat.bfloat16(bits)) }
      case .float8_e4m3fn: convert(bytes) { (bits: UInt8) in Double(MiniFloat.float8E4M3FN(bits)) }
      case .float8_e5m2: convert(bytes) { (bits: UInt8) in Double(MiniFloat.float8E5M2(bits)) }
      case .int8: convert(bytes) { (value: Int8) in Double(value) }
      case .int16: convert(bytes) { (value: Int16) in Double(value) }
      case .int32: convert(bytes) { (value: Int32) in Double(value) }
      case .int64: convert(bytes) { (value: Int64) in Double(value) }
      case .uint8: convert(bytes) { (value: UInt8) in Double(value) }
      case .uint16: convert(bytes) { (value: UInt16) in Double(value) }
      case .uint32: convert(bytes) { (value: UInt32) in Double(value) }
      case .uint64: convert(bytes) { (value: UInt64) in Double(value) }
      case .bool: convert(bytes) { (value: UInt8) in value == 0 ? 0 : 1 }
      }
    }
  }

  private func convert<Stored: BitwiseCopyable, Value>(
    _ bytes: UnsafeRawBufferPointer, _ transform: (Stored) -> Value
  ) -> [Value] {
    let size = MemoryLayout<Stored>.stride
    return [Value](unsafeUninitializedCapacity: bytes.count / size) { values, count in
      count = bytes.count / size
      for i in 0..<count {
        let stored = bytes.loadUnaligned(fromByteOffset: i * size, as: Stored.self)
        values.initializeElement(at: i, to: transform(stored))
      }
    }
  }
}

/// Scalar conversions of the small float formats from their bits; the oracle of the bulk kernels.
package enum MiniFloat {
  /// IEEE 754 binary16.
  package static func float16(_ bits: UInt16) -> Float {
    decode(UInt32(bits), exponentBits: 5, fractionBits: 10, hasInfinity: true)
  }

  /// The upper half of a binary32.
  package static func bfloat16(_ bits: UInt16) -> Float {
    Float(bitPattern: UInt32(bits) << 16)
  }

  /// OCP 8-bit float with 4 exponent bits: no infinity, NaN only as 0x7F and 0xFF.
  package static func float8E4M3FN(_ bits: UInt8) -> Float {
    bits & 0x7F == 0x7F
      ? .nan : decode(UInt32(bits), exponentBits: 4, fractionBits: 3, hasInfinity: false)
  }

  /// OCP 8-bit float with 5 exponent bits, like the upper half of a binary16.
  package static func float8E5M2(_ bits: UInt8) -> Float {
    float16(UInt16(bits) << 8)
  }

  private static func decode(
    _ bits: UInt32, exponentBits: Int, fractionBits: Int, hasInfinity: Bool
  ) -> Float {
    let fraction = bits & (1 << fractionBits - 1)
    let exponent = bits >> fractionBits & (1 << exponentBits - 1)
    let sign = bits >> (fractionBits + exponentBits) & 1
    let bias = 1 << (exponentBits - 1) - 1
    let magnitude: Float
    if exponent == 0 {
      magnitude = Float(sign: .plus, exponent: 1 - bias - fractionBits, significand: Float(fraction))
    } else if hasInfinity && exponent == 1 << exponentBits - 1 {
      let payload = 0x7F80_0000 | fraction << (23 - fractionBits)
      return Float(bitPattern: payload | sign << 31)
    } else {
      magnitude = Float(
        bitPattern: UInt32(Int(exponent) - bias + 127) << 23 | fraction << (23 - fractionBits))
    }
    return sign == 1 ? -magnitude : magnitude
  }
}
