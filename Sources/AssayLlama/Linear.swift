/// A linear layer: rows times the transposed weight, plus a bias where there is one.
package struct Linear: Sendable {
  /// The weight, one row of `inputSize` for each output; outputs beyond its rows are 0.
  package var weight: Weights
  /// One value for each output.
  package var bias: [Float]?
  package let inputSize: Int
  package let outputSize: Int
  let name: String
  let rounding: Rounding
  let blas: BLAS

  func callAsFunction(_ input: Activation) throws(LlamaError) -> Activation {
    guard input.columns == inputSize else {
      throw .misshapenValue(
        module: name, expected: input.shape(columns: inputSize), found: input.shape)
    }
    return Activation(shape: input.shape(columns: outputSize), dtype: rounding.dtype) { result in
      if let bias {
        for row in 0..<input.rows {
          _ = UnsafeMutableBufferPointer(
            rebasing: result[row * outputSize..<(row + 1) * outputSize]
          ).update(fromContentsOf: bias)
        }
      }
      input.values.withUnsafeBufferPointer { values in
        guard let values = values.baseAddress, let start = result.baseAddress else { return }
        blas.multiply(
          Matrix(values, rows: input.rows, columns: inputSize), transposed: weight, into: start,
          stride: outputSize, accumulates: bias != nil)
      }
      rounding.round(result)
    }
  }
}
