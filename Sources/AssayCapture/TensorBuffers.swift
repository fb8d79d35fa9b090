public import AssayTensors

extension UnsafeBufferPointer: Capturable where Element: TensorElement {}

/// A buffer is recorded as a vector.
///
/// What stands in its place is only valid for a while: an input until its call has ended, an output
/// until the next step begins or the recorder is let go.
extension UnsafeBufferPointer: TensorConvertible where Element: TensorElement {
  /// A vector of a copy of the elements.
  public func tensor() throws -> Tensor {
    Tensor(
      uncheckedStorage: Storage(copying: UnsafeRawBufferPointer(self)),
      dtype: Element.tensorDType, shape: .vector(count), device: .cpu)
  }

  /// A buffer over the tensor's own bytes, which are valid as long as the tensor's storage lives.
  ///
  /// - Throws: ``CaptureError/unfitTensor(type:takes:dtype:shape:)`` unless the tensor is a vector
  ///   of the same dtype.
  public func replaced(by tensor: Tensor) throws -> UnsafeBufferPointer {
    let tensor = try Element.checkedVector(tensor, type: "\(Self.self)")
    return tensor.withContiguousBytes { bytes in
      UnsafeBufferPointer(
        start: bytes.baseAddress?.assumingMemoryBound(to: Element.self),
        count: tensor.elementCount)
    }
  }

  /// The buffer of the tensor that stands in the slot, kept alive.
  public func replacingTensors(_ replacement: TensorReplacement) throws -> UnsafeBufferPointer {
    guard let tensor = try replacement() else { return self }
    replacement.keepAlive(tensor)
    return try replacement.naming { try replaced(by: tensor) }
  }
}

/// A type whose values only point to their elements.
protocol BorrowedElements {}

extension UnsafeBufferPointer: BorrowedElements {}

extension UnsafeMutableBufferPointer: Capturable where Element: TensorElement {}

/// A buffer is recorded as a vector; what stands in its place is written into it.
extension UnsafeMutableBufferPointer: TensorConvertible where Element: TensorElement {
  /// A vector of a copy of the elements.
  public func tensor() throws -> Tensor { try UnsafeBufferPointer(self).tensor() }

  /// Overwrites the buffer with a tensor's elements.
  ///
  /// - Returns: The buffer itself.
  /// - Throws: ``CaptureError/unfitTensor(type:takes:dtype:shape:)`` unless the tensor is a vector
  ///   of the same dtype and as long as the buffer.
  public func replaced(by tensor: Tensor) throws -> UnsafeMutableBufferPointer {
    let tensor = try Element.checkedVector(tensor, type: "\(Self.self)", count: count)
    tensor.copyBytes(to: UnsafeMutableRawBufferPointer(self))
    return self
  }
}

extension TensorElement {
  /// Makes sure that a tensor is a vector of this type.
  fileprivate static func checkedVector(
    _ tensor: Tensor, type: String, count: Int? = nil
  ) throws(CaptureError) -> Tensor {
    guard tensor.dtype == tensorDType, tensor.shape.rank == 1, tensor.isContiguous,
      count == nil || tensor.elementCount == count
    else {
      let length = count.map { " of \($0) elements" } ?? ""
      throw .unfitTensor(
        type: type,
        takes: "\(tensorDType) vectors\(length) (wrap it in Shaped for another shape)",
        dtype: tensor.dtype, shape: tensor.shape.dimensions)
    }
    return tensor
  }
}
