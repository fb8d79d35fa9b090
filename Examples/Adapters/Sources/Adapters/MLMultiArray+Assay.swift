#if canImport(CoreML)
  import Assay
  import CoreML
  import Foundation

  /// An `MLMultiArray` to be announced. A class that others may subclass cannot be `Capturable`.
  ///
  /// ```swift
  /// let normed = try probe("norm", CapturedMultiArray(hidden)) {
  ///   CapturedMultiArray(try norm($0.array))
  /// }.array
  /// ```
  public struct CapturedMultiArray: TensorConvertible {
    /// The array itself.
    public let array: MLMultiArray

    /// Wraps an array, which is not copied.
    public init(_ array: MLMultiArray) { self.array = array }

    /// A view of a copy of all its memory: an array over a pixel buffer pads its rows.
    public func tensor() throws -> Tensor {
      guard let dtype = array.dataType.assay else {
        throw CaptureError.notConvertible(
          type: "MLMultiArray", reason: "its data type \(array.dataType.rawValue) is not known")
      }
      return try array.withUnsafeBytes { memory in
        try Tensor(
          storage: Storage(copying: memory), dtype: dtype,
          shape: Shape(array.shape.map(\.intValue)), strides: array.strides.map(\.intValue))
      }
    }

    /// An array of a tensor's elements.
    ///
    /// - Throws: `CaptureError.unfitTensor` for a dtype that Core ML does not have, as bfloat16.
    public func replaced(by tensor: Tensor) throws -> CapturedMultiArray {
      let unfit = CaptureError.unfitTensor(
        type: "MLMultiArray", takes: "float64, float32, float16, int32 and int8",
        dtype: tensor.dtype, shape: tensor.shape.dimensions)
      guard let dataType = MLMultiArrayDataType(tensor.dtype) else { throw unfit }
      let array = try MLMultiArray(
        shape: tensor.shape.dimensions.map { NSNumber(value: $0) }, dataType: dataType)
      try array.withUnsafeMutableBytes { memory, strides in
        guard strides == tensor.shape.rowMajorStrides, memory.count == tensor.byteCount else {
          throw unfit
        }
        tensor.withContiguousBytes { memory.copyMemory(from: $0) }
      }
      return CapturedMultiArray(array)
    }
  }

  extension MLMultiArrayDataType {
    // Those of the header by their numbers: int8 is new in the SDK of macOS 26.
    fileprivate static let dtypes: [Int: DType] = [
      0x10000 | 64: .float64, 0x10000 | 32: .float32, 0x10000 | 16: .float16,
      0x20000 | 32: .int32, 0x20000 | 8: .int8,
    ]

    fileprivate var assay: DType? { Self.dtypes[rawValue] }

    fileprivate init?(_ dtype: DType) {
      guard let value = Self.dtypes.first(where: { $0.value == dtype })?.key else { return nil }
      self.init(rawValue: value)
    }
  }

  extension Shape {
    fileprivate var rowMajorStrides: [Int] {
      var stride = 1
      return dimensions.reversed().map { extent in
        defer { stride *= extent }
        return stride
      }.reversed()
    }
  }
#endif
