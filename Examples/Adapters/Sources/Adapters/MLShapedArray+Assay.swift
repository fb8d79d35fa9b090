#if canImport(CoreML)
  import Assay
  import CoreML
  import Foundation

  extension MLShapedArray: @retroactive Capturable where Scalar: TensorElement {}

  /// An `MLShapedArray` of a number type that Assay knows is a tensor of that dtype.
  extension MLShapedArray: @retroactive TensorConvertible where Scalar: TensorElement {
    /// A view of a copy of all its memory, with its strides.
    public func tensor() throws -> Tensor {
      try withUnsafeShapedBufferPointer { scalars, shape, strides in
        try Tensor(
          storage: Storage(copying: UnsafeRawBufferPointer(scalars)), dtype: Scalar.tensorDType,
          shape: Shape(shape), strides: strides)
      }
    }

    /// An array of a tensor's elements.
    ///
    /// - Throws: `CaptureError.unfitTensor` for a tensor of another dtype.
    public func replaced(by tensor: Tensor) throws -> MLShapedArray {
      guard tensor.dtype == Scalar.tensorDType else {
        throw CaptureError.unfitTensor(
          type: "\(Self.self)", takes: "\(Scalar.tensorDType)", dtype: tensor.dtype,
          shape: tensor.shape.dimensions)
      }
      return MLShapedArray(
        data: tensor.withContiguousBytes { Data($0) }, shape: tensor.shape.dimensions)
    }
  }
#endif
