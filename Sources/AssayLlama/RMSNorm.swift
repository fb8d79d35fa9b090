/// Divides each row by the root of its mean square, then weighs its elements.
///
/// As in transformers: the normalised row is rounded to the dtype before it is weighed.
package struct RMSNorm: Sendable {
  /// One weight for each element of a row.
  package var weight: [Float]
  /// What is added to the mean square.
  package var epsilon: Float
  let name: String
  let rounding: Rounding
  let blas: BLAS

  func callAsFunction(_ input: Activation) throws(LlamaError) -> Activation {
    let size = weight.count
    guard input.columns == size else {
      throw .misshapenValue(module: name, expected: input.shape(columns: size), found: input.shape)
    }
    return Activation(shape: input.shape, dtype: rounding.dtype) { result in
      input.values.withUnsafeBufferPointer { values in
        weight.withUnsafeBufferPointer { weight in
          for row in 0..<input.rows {
            let range = row * size..<(row + 1) * size
            normalize(
              UnsafeBufferPointer(rebasing: values[range]), weight,
              into: UnsafeMutableBufferPointer(rebasing: result[range]))
          }
        }
      }
    }
  }

  private func normalize(
    _ row: UnsafeBufferPointer<Float>, _ weight: UnsafeBufferPointer<Float>,
    into result: UnsafeMutableBufferPointer<Float>
  ) {
    let variance = blas.squaredNorm(row) / Float(row.count)
    let scale = 1 / (variance + epsilon).squareRoot()
    for i in result.indices { result[i] = row[i] * scale }
    rounding.round(result)
    for i in result.indices { result[i] = weight[i] * result[i] }
    rounding.round(result)
  }
}
