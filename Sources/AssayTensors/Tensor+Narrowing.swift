extension Tensor {
  /// A view of some indices of one axis, as PyTorch's `narrow` gives it.
  ///
  /// - Parameters:
  ///   - axis: An axis of the tensor, from 0.
  ///   - range: Indices within the axis.
  package func narrowed(_ axis: Int, to range: Range<Int>) -> Tensor {
    precondition(range.lowerBound >= 0 && range.upperBound <= shape.dimensions[axis])
    // Nothing of an empty view is read, wherever it would begin.
    let offset = range.isEmpty ? 0 : range.lowerBound * strides[axis] * dtype.byteCount
    return Tensor(
      trusting: storage, dtype: dtype, shape: shape.narrowed(axis, to: range.count),
      strides: strides, byteOffset: byteOffset + offset, device: device)
  }
}
