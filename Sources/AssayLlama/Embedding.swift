/// The table of token vectors, or a rank's part of it.
package struct Embedding: Sendable {
  /// One row of `size` for each token of the part.
  package var weight: Weights
  let size: Int
  let tokens: AxisPart
  let rounding: Rounding

  /// The vectors of tokens: zeros for one of another rank, so that the ranks' sum is the whole.
  func callAsFunction(_ ids: TokenVector) throws(LlamaError) -> Activation {
    for id in ids.values where !(0..<tokens.whole ~= id) {
      throw .tokenOutOfVocabulary(id, vocabularySize: tokens.whole)
    }
    return Activation(shape: [1, ids.values.count, size], dtype: rounding.dtype) { result in
      for (row, id) in ids.values.enumerated() where tokens.range ~= id {
        let index = id - tokens.range.lowerBound
        weight.copy(
          index * size..<(index + 1) * size,
          into: UnsafeMutableBufferPointer(rebasing: result[row * size..<(row + 1) * size]))
      }
    }
  }
}
