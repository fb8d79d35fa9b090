public import AssayTensors
public import Foundation

/// Bytes and what they mean: a tensor in the hands of a framework that deals in `Data`.
public struct TypedData: Hashable, Sendable {
  /// The elements, row-major and little-endian.
  public var data: Data
  /// The element type.
  public var dtype: DType
  /// The extents.
  public var shape: [Int]
  /// Where the tensor lives.
  public var device: Device

  /// Makes a tensor's description.
  ///
  /// - Parameters:
  ///   - data: The elements, row-major and little-endian.
  ///   - dtype: The element type.
  ///   - shape: The extents, whose product is the number of elements.
  ///   - device: Where the tensor lives.
  public init(data: Data, dtype: DType, shape: [Int], device: Device = .cpu) {
    self.data = data
    self.dtype = dtype
    self.shape = shape
    self.device = device
  }
}

extension TypedData: TensorConvertible {
  /// The tensor.
  ///
  /// - Throws: ``CaptureError/notConvertible(type:reason:)`` where there are more or fewer bytes
  ///   than the shape needs.
  public func tensor() throws -> Tensor {
    let extents = try Shape(shape)
    let needed = extents.elementCount * dtype.byteCount
    guard data.count == needed else {
      throw CaptureError.notConvertible(
        type: "TypedData",
        reason: "\(dtype) of shape \(shape) takes \(needed) bytes, found \(data.count)")
    }
    return Tensor(
      uncheckedStorage: data.withUnsafeBytes { Storage(copying: $0) }, dtype: dtype,
      shape: extents, device: device)
  }

  /// Another tensor of the same dtype, in whatever shape.
  ///
  /// - Throws: ``CaptureError/unfitTensor(type:takes:dtype:shape:)`` for another dtype.
  public func replaced(by tensor: Tensor) throws -> TypedData {
    guard tensor.dtype == dtype else {
      throw CaptureError.unfitTensor(
        type: "TypedData", takes: "\(dtype) tensors", dtype: tensor.dtype,
        shape: tensor.shape.dimensions)
    }
    return TypedData(
      data: tensor.withContiguousBytes { Data($0) }, dtype: dtype, shape: tensor.shape.dimensions,
      device: tensor.device)
  }
}
