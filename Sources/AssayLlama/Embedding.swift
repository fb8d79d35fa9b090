/// The table of token vectors.
package struct Embedding: Sendable {
  /// One row of `size` for each token.
  package var weight: Weights
  let size: Int
  let rounding: Rounding

  func callAsFunction(_ tokens: TokenVector) throws(LlamaError) -> Activation {
    let vocabularySize = weight.count / size
    for id in tokens.values where !(0..<vocabularySize ~= id) {
      throw .tokenOutOfVocabulary(id, vocabularySize: vocabularySize)
    }
    return Activation(shape: [1, tokens.values.count, size], dtype: rounding.dtype) { result in
      for (row, id) in tokens.values.enumerated() {
        weight.copy(
          id * size..<(id + 1) * size,
          into: UnsafeMutableBufferPointer(rebasing: result[row * size..<(row + 1) * size]))
      }
    }
  }
}
