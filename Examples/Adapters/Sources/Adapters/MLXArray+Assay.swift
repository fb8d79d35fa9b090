#if canImport(MLX)
  import Assay
  import Foundation
  import MLX

  /// An `MLXArray` is recorded as PyTorch's tensor of the same dtype, on the CPU wherever it was
  /// computed: memory is shared, and goldens are mostly recorded there.
  extension MLXArray: @retroactive Capturable, @retroactive TensorConvertible {
    /// The elements in row-major order. MLX is lazy: the array is computed here.
    public func tensor() throws -> Tensor {
      let shape = try Shape(self.shape)
      guard size > 0 else {
        return try Tensor([UInt8](), dtype: dtype.assay, shape: shape)
      }
      // A strided array is copied by MLX, another one only once, here.
      let elements = withExtendedLifetime(self) {
        asData(access: .noCopyIfContiguous).data.withUnsafeBytes { Storage(copying: $0) }
      }
      return try Tensor(storage: elements, dtype: dtype.assay, shape: shape)
    }

    /// An array of a tensor's elements.
    ///
    /// - Throws: `CaptureError.unfitTensor` for a dtype that MLX does not have, as 8-bit floats.
    public func replaced(by tensor: Tensor) throws -> MLXArray {
      guard let dtype = MLX.DType.allCases.first(where: { $0.assay == tensor.dtype }) else {
        throw CaptureError.unfitTensor(
          type: "MLXArray", takes: MLX.DType.allCases.map { "\($0)" }.joined(separator: ", "),
          dtype: tensor.dtype, shape: tensor.shape.dimensions)
      }
      let shape = tensor.shape.dimensions
      // MLX makes no array of no bytes.
      guard tensor.elementCount > 0 else { return MLXArray.zeros(shape, dtype: dtype) }
      return MLXArray(tensor.withContiguousBytes { Data($0) }, shape, dtype: dtype)
    }
  }

  extension MLX.DType {
    /// The same dtype as PyTorch names it.
    fileprivate var assay: Assay.DType {
      switch self {
      case .bool: .bool
      case .uint8: .uint8
      case .uint16: .uint16
      case .uint32: .uint32
      case .uint64: .uint64
      case .int8: .int8
      case .int16: .int16
      case .int32: .int32
      case .int64: .int64
      case .float16: .float16
      case .float32: .float32
      case .float64: .float64
      case .bfloat16: .bfloat16
      case .complex64: .complex64
      }
    }
  }
#endif
