public import AssayRuns
public import AssayTensors

/// An array type that can become a tensor, and be made from one.
///
/// ```swift
/// extension MyArray: TensorConvertible {
///   func tensor() throws -> Tensor {
///     try Tensor(scalars, dtype: .float32, shape: Shape(shape))
///   }
///   func replaced(by tensor: Tensor) throws -> MyArray {
///     MyArray(scalars: tensor.float32Values(), shape: tensor.shape.dimensions)
///   }
/// }
/// ```
public protocol TensorConvertible: Capturable {
  /// The value as a tensor whose bytes are its own.
  func tensor() throws -> Tensor

  /// A value like this one with a tensor's elements, for a module that is judged by itself.
  ///
  /// - Parameter tensor: Contiguous and aligned.
  /// - Throws: An error for a tensor that the type cannot hold. It must not be passed over.
  func replaced(by tensor: Tensor) throws -> Self
}

extension TensorConvertible {
  /// The value as a run stores it: a tensor.
  public var capturedValue: CapturedValue {
    get throws { .tensor(try tensor()) }
  }

  /// The value with the tensor that stands in its slot.
  ///
  /// - Throws: ``CaptureError/unfitReplacement(module:slot:reason:)`` for one that it cannot hold.
  public func replacingTensors(_ replacement: TensorReplacement) throws -> Self {
    guard let tensor = try replacement() else { return self }
    return try replacement.naming { try replaced(by: tensor) }
  }
}

extension Tensor: TensorConvertible {
  /// The tensor itself.
  public func tensor() -> Tensor { self }

  /// The other tensor.
  public func replaced(by tensor: Tensor) -> Tensor { tensor }
}
