import AssayTensors

extension Llama {
  /// The bytes of its own that a run needs at least: the weights are mapped, and what is mapped
  /// the system can drop and read again.
  ///
  /// - Parameters:
  ///   - rows: The tokens of the longest step.
  ///   - positions: The tokens of all steps.
  func memory(rows: Int, positions: Int) -> Int {
    // In floating point, since a configuration may name any sizes.
    let (rows, hidden) = (Double(rows), Double(configuration.hiddenSize))
    let (inner, vocabulary) = (
      Double(configuration.intermediateSize), Double(configuration.vocabularySize)
    )
    let head = Double(configuration.headDimension)
    let cache =
      2 * Double(configuration.layerCount) * Double(positions)
      * Double(configuration.keyValueHeadCount) * head
    // The MLP holds four wide values at once, the head one of the vocabulary; beside them stand
    // the residual, what is added to it and the copies of both.
    let activations = rows * (max(4 * inner, vocabulary) + 4 * hidden)
    let longest = max(hidden, inner, Double(configuration.headCount) * head)
    let block =
      Double(BLAS.blockLength(rows: Int(rows), columns: Int(clamping: longest))) * longest
    let floats = cache + activations + Double(threads) * block
    // A recorder copies the widest value in its own dtype.
    return Int(
      clamping: floats * Double(MemoryLayout<Float>.size)
        + rows * vocabulary * Double(dtype.byteCount))
  }
}

extension Int {
  /// The nearest number to one that may be out of range.
  fileprivate init(clamping value: Double) { self = Int(exactly: value.rounded()) ?? .max }
}
