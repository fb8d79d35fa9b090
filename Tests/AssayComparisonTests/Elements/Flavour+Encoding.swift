@testable import AssayComparison
@testable import AssayTensors

extension Flavour {
  /// Values as a dtype holds them: ordinary ones are spread over the range of a narrow dtype.
  func encode(_ values: [Float], _ dtype: DType, _ shape: Shape) throws -> Tensor {
    switch dtype {
    case .float16:
      var bits = [UInt16](repeating: 0, count: values.count)
      FloatConversion.roundToFloat16(values, count: values.count, into: &bits)
      return try Tensor(bits, dtype: dtype, shape: shape)
    case .bfloat16:
      var bits = [UInt16](repeating: 0, count: values.count)
      FloatConversion.roundToBFloat16(values, count: values.count, into: &bits)
      return try Tensor(bits, dtype: dtype, shape: shape)
    // With all digits that a float64 has.
    case .float64:
      return try Tensor(values.map { Double($0) * 1.000_000_123_4 }, dtype: dtype, shape: shape)
    case .int8: return try integers(Int8.self, values, 50, dtype, shape)
    case .int16: return try integers(Int16.self, values, 9000, dtype, shape)
    case .int32: return try integers(Int32.self, values, 1000, dtype, shape)
    case .int64: return try integers(Int64.self, values, 1000, dtype, shape)
    case .uint8: return try integers(UInt8.self, values.map(abs), 99, dtype, shape)
    case .uint16: return try integers(UInt16.self, values.map(abs), 9000, dtype, shape)
    case .uint32: return try integers(UInt32.self, values.map(abs), 1000, dtype, shape)
    case .uint64: return try integers(UInt64.self, values.map(abs), 1000, dtype, shape)
    // Any byte but 0 is true.
    case .bool:
      let bytes = values.map { self == .anyBits ? UInt8($0.bitPattern & 3) : $0 > 0 ? 1 : 0 }
      return try Tensor(bytes, dtype: dtype, shape: shape)
    case .float32: return try Tensor(values, dtype: dtype, shape: shape)
    default: return try smallFloats(values, dtype, shape)
    }
  }

  /// Integers that the kernels serve, below 2^51.
  private func integers<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ type: Integer.Type, _ values: [Float], _ scale: Float, _ dtype: DType, _ shape: Shape
  ) throws -> Tensor {
    let integers = values.map { value in
      if self == .anyBits { return Integer(truncatingIfNeeded: value.bitPattern) }
      guard value.isFinite else { return Integer(0) }
      return Integer(clamping: Int(max(min(value * scale, 0x1p50), -0x1p50)))
    }
    return try Tensor(integers, dtype: dtype, shape: shape)
  }

  /// The patterns of 8 or 4 bits whose values come next.
  private func smallFloats(_ values: [Float], _ dtype: DType, _ shape: Shape) throws -> Tensor {
    let isPacked = dtype.packedCount == 2
    let patterns = (0..<(isPacked ? 16 : 256)).map(UInt8.init)
    let all = try Tensor(patterns, dtype: dtype, shape: Shape([patterns.count])).float32Values()
    let decoded = isPacked ? patterns.map { all[Int($0) * 2] } : all
    let finite = zip(decoded, patterns).filter { $0.0.isFinite }.sorted { $0.0 < $1.0 }
    // NaN, and infinities where the format has them.
    let special = zip(decoded, patterns).filter { !$0.0.isFinite }
    let bits = values.map { value -> UInt8 in
      if self == .anyBits { return UInt8(truncatingIfNeeded: value.bitPattern) }
      if !value.isFinite,
        let same = special.first(where: { $0.0 == value || $0.0.isNaN && value.isNaN })
      {
        return same.1
      }
      var (low, high) = (0, finite.count - 1)
      while low < high {
        let middle = (low + high) / 2
        if finite[middle].0 < value { low = middle + 1 } else { high = middle }
      }
      return finite[low].1
    }
    let bytes =
      isPacked
      ? stride(from: 0, to: bits.count, by: 2).map { bits[$0] & 15 | bits[$0 + 1] << 4 } : bits
    return try Tensor(bytes, dtype: dtype, shape: shape)
  }
}
