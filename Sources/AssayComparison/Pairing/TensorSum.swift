import AssayTensors

/// Adds tensors element by element.
enum TensorSum {
  /// The sum in the precision in which elements are compared, float64 for float64 and float32 for
  /// all narrower floats, rounded once to the tensors' dtype: for two tensors PyTorch's bits.
  ///
  /// - Throws: ``TransformMisfit`` for other dtypes, or tensors of several dtypes or shapes.
  static func sum(_ terms: [Tensor]) throws -> Tensor {
    guard let first = terms.first else { throw TransformMisfit(reason: "there is nothing to add") }
    let (dtype, shape) = (first.dtype, first.shape)
    for term in terms where term.dtype != dtype || term.shape != shape {
      throw TransformMisfit(
        reason: "\(dtype.torchName) \(shape) and \(term.dtype.torchName) \(term.shape) are not "
          + "added")
    }
    switch dtype {
    case .float64:
      return try Tensor(
        added(terms.map { $0.float64Values() }), dtype: dtype, shape: shape, device: first.device)
    case .float32, .float16, .bfloat16:
      let sum = try Tensor(
        added(terms.map { $0.float32Values() }), dtype: .float32, shape: shape,
        device: first.device)
      return try TensorCast.cast(sum, to: dtype) { TransformMisfit(reason: $0) }
    default:
      throw TransformMisfit(
        reason: "only float64, float32, float16 and bfloat16 are added, not \(dtype.torchName)")
    }
  }

  private static func added<Value: BinaryFloatingPoint>(_ terms: [[Value]]) -> [Value] {
    var sum = terms.first ?? []
    for term in terms.dropFirst() {
      for position in sum.indices { sum[position] += term[position] }
    }
    return sum
  }
}
