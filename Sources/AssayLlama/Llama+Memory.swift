import AssayTensors

extension Llama {
  /// The bytes of its own that a run needs at least: the weights are mapped, and what is mapped
  /// the system can drop and read again.
  ///
  /// - Parameters:
  ///   - rows: The tokens of the longest step.
  ///   - positions: The tokens of all steps.
  func memory(rows: Int, positions: Int) -> Int {
    Int(clamping: bytes(rows: rows, positions: positions))
  }

  fileprivate func bytes(rows: Int, positions: Int) -> Double {
    // In floating point, since a configuration may name any sizes.
    let (rows, hidden) = (Double(rows), Double(configuration.hiddenSize))
    let (inner, vocabulary) = (Double(shard.inner.count), Double(shard.logitCount))
    let head = Double(configuration.headDimension)
    let cache =
      2 * Double(configuration.layerCount) * Double(positions)
      * Double(shard.keyValueHeads.count) * head
    // The MLP holds four wide values at once, the head one of the vocabulary; beside them stand
    // the residual, what is added to it and the copies of both.
    let activations = rows * (max(4 * inner, vocabulary) + 4 * hidden)
    let longest = max(hidden, inner, Double(shard.heads.count) * head)
    let block =
      Double(BLAS.blockLength(rows: Int(rows), columns: Int(clamping: longest))) * longest
    let floats = cache + activations + Double(threads) * block
    // A recorder copies the widest value in its own dtype.
    return floats * Double(MemoryLayout<Float>.size) + rows * vocabulary * Double(dtype.byteCount)
  }
}

extension TensorParallelLlama {
  /// The bytes of its own that a run of all ranks needs at least.
  func memory(rows: Int, positions: Int) -> Int {
    let bytes = ranks.reduce(0) { $0 + $1.bytes(rows: rows, positions: positions) }
    guard ranks.count > 1 else { return Int(clamping: bytes) }
    // The logits of all ranks are joined.
    let joined = Double(rows) * Double(ranks[0].configuration.vocabularySize)
    return Int(clamping: bytes + joined * Double(MemoryLayout<Float>.size))
  }
}

extension Int {
  /// The nearest number to one that may be out of range.
  fileprivate init(clamping value: Double) { self = Int(exactly: value.rounded()) ?? .max }
}
