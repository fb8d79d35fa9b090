import AssayTensors

/// Converts elements from one dtype to another.
enum TensorCast {
  /// What elements can be converted to.
  static let targets: [DType] = [.float64, .float32, .float16, .bfloat16, .int64, .int32]

  /// Converts real numbers to floating point as PyTorch does, to nearest with ties to even, and
  /// integers to integers that can hold them.
  ///
  /// - Parameters:
  ///   - dtype: One of `targets`.
  ///   - misfit: Makes the error for a reason.
  /// - Throws: What `misfit` makes.
  static func cast(
    _ tensor: Tensor, to dtype: DType, misfit: (String) -> TransformMisfit
  ) throws -> Tensor {
    guard tensor.dtype != dtype else { return tensor }
    guard !tensor.dtype.isComplex else { throw misfit("complex numbers are not cast") }
    guard tensor.dtype.packedCount == 1 else { throw misfit("packed numbers are not cast") }
    switch dtype {
    case .float64:
      return try Tensor(
        tensor.float64Values(), dtype: dtype, shape: tensor.shape, device: tensor.device)
    case .float32:
      return try Tensor(
        tensor.float32Values(), dtype: dtype, shape: tensor.shape, device: tensor.device)
    case .float16, .bfloat16:
      let bits = rounded(tensor.float32Values(), to: dtype)
      return try Tensor(bits, dtype: dtype, shape: tensor.shape, device: tensor.device)
    case .int64:
      let values = try integers(of: tensor, misfit)
      return try Tensor(values, dtype: dtype, shape: tensor.shape, device: tensor.device)
    case .int32:
      let values = try integers(of: tensor, misfit).map { value in
        guard let narrow = Int32(exactly: value) else { throw misfit("it holds \(value)") }
        return narrow
      }
      return try Tensor(values, dtype: dtype, shape: tensor.shape, device: tensor.device)
    default:
      throw misfit("nothing is cast to \(dtype)")
    }
  }

  private static func rounded(_ values: [Float], to dtype: DType) -> [UInt16] {
    [UInt16](unsafeUninitializedCapacity: values.count) { buffer, count in
      count = values.count
      guard let target = buffer.baseAddress, count > 0 else { return }
      values.withUnsafeBufferPointer { source in
        guard let source = source.baseAddress else { return }
        if dtype == .float16 {
          FloatConversion.roundToFloat16(source, count: values.count, into: target)
        } else {
          FloatConversion.roundToBFloat16(source, count: values.count, into: target)
        }
      }
    }
  }

  private static func integers(
    of tensor: Tensor, _ misfit: (String) -> TransformMisfit
  ) throws -> [Int64] {
    try tensor.withContiguousBytes { bytes in
      func values<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type) throws -> [Int64] {
        try (0..<tensor.elementCount).map { position in
          let value = bytes.loadUnaligned(
            fromByteOffset: position * MemoryLayout<Value>.size, as: Value.self)
          guard let wide = Int64(exactly: Value(littleEndian: value)) else {
            throw misfit("it holds \(value)")
          }
          return wide
        }
      }
      switch tensor.dtype {
      case .int8: return try values(Int8.self)
      case .int16: return try values(Int16.self)
      case .int32: return try values(Int32.self)
      case .int64: return try values(Int64.self)
      case .uint8, .bool: return try values(UInt8.self)
      case .uint16: return try values(UInt16.self)
      case .uint32: return try values(UInt32.self)
      case .uint64: return try values(UInt64.self)
      default: throw misfit("only integers are cast to integers")
      }
    }
  }
}
