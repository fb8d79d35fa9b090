public import AssayTensors

/// A flat array in the shape that the other framework's tensor has.
///
/// ```swift
/// let normed = try probe("norm", Shaped(hidden, [1, 10, 64])) { Shaped(norm($0.value), $0.shape) }
/// ```
public struct Shaped<Value: TensorConvertible>: TensorConvertible {
  /// The array.
  public var value: Value
  /// The extents, whose product is the array's number of elements.
  public var shape: [Int]

  /// Gives an array another shape.
  ///
  /// - Parameters:
  ///   - value: The array.
  ///   - shape: The extents, whose product is the array's number of elements.
  public init(_ value: Value, _ shape: [Int]) {
    self.value = value
    self.shape = shape
  }

  /// The array's tensor in the given shape.
  ///
  /// - Throws: ``CaptureError/notConvertible(type:reason:)`` for a shape of another number of
  ///   elements, and what the array's own conversion throws.
  public func tensor() throws -> Tensor {
    let tensor = try value.tensor()
    guard let shaped = try tensor.reshaped(to: shape) else {
      throw CaptureError.notConvertible(
        type: "\(Self.self)",
        reason: "\(tensor.elementCount) elements do not fill the shape \(shape)")
    }
    return shaped
  }

  /// The array with a tensor's elements, in the tensor's shape.
  ///
  /// - Throws: What the array throws for a tensor that it cannot hold.
  public func replaced(by tensor: Tensor) throws -> Shaped {
    Shaped(try value.replaced(by: try flat(tensor)), tensor.shape.dimensions)
  }

  /// The array with the elements of the tensor that stands in the slot, in that tensor's shape.
  public func replacingTensors(_ replacement: TensorReplacement) throws -> Shaped {
    guard let tensor = try replacement() else { return self }
    if Value.self is any BorrowedElements.Type { replacement.keepAlive(tensor) }
    return try replacement.naming { try replaced(by: tensor) }
  }

  /// The tensor in the array's own shape; in that of a vector where their counts differ.
  private func flat(_ tensor: Tensor) throws -> Tensor {
    let own = try value.tensor().shape.dimensions
    if let fitting = try tensor.reshaped(to: own) { return fitting }
    guard own.count == 1 else { return tensor }
    return try tensor.reshaped(to: [tensor.elementCount]) ?? tensor
  }
}

extension Shaped: Sendable where Value: Sendable {}

extension Tensor {
  /// The same elements in another shape; `nil` for one of another number of elements.
  fileprivate func reshaped(to dimensions: [Int]) throws -> Tensor? {
    let shape = try Shape(dimensions)
    guard shape.elementCount == elementCount else { return nil }
    let tensor = contiguous()
    return try Tensor(
      storage: tensor.storage, dtype: dtype, shape: shape, byteOffset: tensor.byteOffset,
      device: device)
  }
}
