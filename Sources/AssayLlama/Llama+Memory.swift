import AssayTensors

extension Llama {
  /// The bytes of its own that a run needs at least: the weights are mapped, and what is mapped
  /// the system can drop and read again.
  ///
  /// - Parameters:
  ///   - rows: The tokens of the longest step.
  ///   - positions: The tokens of all steps.
  func memory(rows: Int, positions: Int) -> Int {
    let shape = configuration
    let cache =
      shape.layerCount * 2 * positions * shape.keyValueHeadCount * shape.headDimension
    // The MLP holds four wide values at once, the head one of the vocabulary; beside them stand
    // the residual, what is added to it and the copies of both.
    let widest = max(4 * shape.intermediateSize, shape.vocabularySize)
    let activations = rows * (widest + 4 * shape.hiddenSize)
    let longest = max(
      shape.hiddenSize, shape.intermediateSize, shape.headCount * shape.headDimension)
    let block = BLAS.blockLength(rows: rows, columns: longest) * longest
    let floats = cache + activations + threads * block
    // A recorder copies the widest value in its own dtype.
    return floats * MemoryLayout<Float>.size + rows * shape.vocabularySize * dtype.byteCount
  }
}
