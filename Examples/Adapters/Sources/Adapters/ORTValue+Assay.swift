#if canImport(OnnxRuntimeBindings)
  import Assay
  import Foundation
  import OnnxRuntimeBindings

  /// An `ORTValue` of ONNX Runtime to be announced, which holds a tensor of numbers. A class that others
  /// may subclass cannot be `Capturable`.
  ///
  /// ```swift
  /// let output = try probe("encoder", CapturedORTValue(input)) {
  ///   CapturedORTValue(try run(session, $0.value))
  /// }.value
  /// ```
  public struct CapturedORTValue: TensorConvertible {
    /// The value itself.
    public let value: ORTValue

    /// Wraps a value, which is not copied.
    public init(_ value: ORTValue) { self.value = value }

    /// A copy of the elements, which stand in row-major order.
    public func tensor() throws -> Tensor {
      let info = try value.tensorTypeAndShapeInfo()
      guard let dtype = ORTTensorElementDataType.dtypes[info.elementType.rawValue] else {
        throw CaptureError.notConvertible(
          type: "ORTValue",
          reason:
            "its elements are of type \(info.elementType.rawValue), of which the bindings give "
            + "no bytes; let the model return float32")
      }
      // The data is the session's own memory, which the next run may overwrite.
      let data = try value.tensorData()
      let elements = Storage(
        copying: UnsafeRawBufferPointer(start: data.bytes, count: data.length))
      return try withExtendedLifetime(data) {
        try Tensor(
          storage: elements, dtype: dtype, shape: Shape(info.shape.map(\.intValue)))
      }
    }

    /// A value of a tensor's elements.
    ///
    /// - Throws: `CaptureError.unfitTensor` for a dtype that the bindings do not have.
    public func replaced(by tensor: Tensor) throws -> CapturedORTValue {
      let unfit = CaptureError.unfitTensor(
        type: "ORTValue", takes: "float32 and integers of 8, 32 and 64 bits",
        dtype: tensor.dtype, shape: tensor.shape.dimensions)
      guard
        let number = ORTTensorElementDataType.dtypes.first(where: { $0.value == tensor.dtype })?
          .key,
        let elementType = ORTTensorElementDataType(rawValue: number)
      else { throw unfit }
      let data = tensor.withContiguousBytes {
        NSMutableData(bytes: $0.baseAddress, length: $0.count)
      }
      return CapturedORTValue(
        try ORTValue(
          tensorData: data, elementType: elementType,
          shape: tensor.shape.dimensions.map { NSNumber(value: $0) }))
    }
  }

  extension ORTTensorElementDataType {
    /// The dtypes by their numbers in `ort_enums.h`.
    fileprivate static let dtypes: [Int32: DType] = [
      1: .float32, 2: .int8, 3: .uint8, 4: .int32, 5: .uint32, 6: .int64, 7: .uint64,
    ]
  }
#endif
