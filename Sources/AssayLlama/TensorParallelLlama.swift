import AssayBase
package import AssayCapture
package import AssayTensors

/// A model that is split over ranks as vLLM and Megatron split it, computed rank by rank in one
/// process.
///
/// q, k, v, gate and up are column-parallel, o and down row-parallel, the embedding and the head
/// cut by the vocabulary. What a module computes is what it announces: `embed_tokens`, `o_proj` and
/// `down_proj` a rank's partial sums, and what holds them (`self_attn`, `mlp`) the sum of all
/// ranks.
package struct TensorParallelLlama: Sendable {
  /// The parts, each a model of its own but for what it exchanges with the others.
  package var ranks: [Llama]

  /// Loads a checkpoint once, and gives each rank its part of the mapped weights.
  ///
  /// - Parameters:
  ///   - checkpoint: As for ``Llama/init(checkpoint:dtype:threads:)``.
  ///   - rankCount: The number of ranks; 1 is the whole model.
  ///   - dtype: What to compute in.
  ///   - threads: How many threads compute a matrix product.
  /// - Throws: ``LlamaError``, such as ``LlamaError/unevenSplit(key:value:ranks:)`` for a model that
  ///   so many ranks cannot share.
  package init(
    checkpoint: String, rankCount: Int, dtype: DType = .float32, threads: Int = 1
  ) throws(LlamaError) {
    _ = try Rounding(dtype)
    let configuration = try LlamaConfiguration(contentsOf: checkpoint)
    _ = try Shard(configuration, rank: 0, of: rankCount)
    let weights = try CheckpointWeights(checkpoint: checkpoint)
    ranks = []
    for rank in 0..<rankCount {
      let shard = try Shard(configuration, rank: rank, of: rankCount)
      ranks.append(
        try Llama(configuration, weights, dtype: dtype, threads: threads, shard: shard))
    }
  }

  /// The dtype that modules round to.
  package var dtype: DType { ranks[0].dtype }

  /// How many threads compute a matrix product.
  package var threads: Int { ranks[0].threads }

  /// Continues a text greedily, as ``Llama/generate(from:steps:probe:stopsAtEnd:onToken:)`` does:
  /// every rank chooses from the logits of all.
  ///
  /// - Parameters:
  ///   - tokenIDs: The prompt.
  ///   - steps: The number of forwards.
  ///   - probes: What each rank's modules announce their calls to, by rank.
  ///   - stopsAtEnd: Whether to stop behind one of the configuration's `endTokenIDs`.
  ///   - onToken: Called with each token as it is chosen.
  /// - Returns: The new tokens, without the prompt.
  /// - Throws: ``LlamaError`` before the first step, and what a probe throws.
  package func generate(
    from tokenIDs: [Int], steps: Int, probes: [Probe], stopsAtEnd: Bool = false,
    onToken: ((Int) -> Void)? = nil
  ) throws -> [Int] {
    precondition(probes.count == ranks.count)
    try checkGeneration(from: tokenIDs, steps: steps)
    let ranks = ranks
    @Sendable func run(_ rank: Rank, _ onToken: ((Int) -> Void)?) throws -> [Int] {
      try ranks[rank.index].generate(
        from: tokenIDs, steps: steps, probe: probes[rank.index], rank: rank,
        stopsAtEnd: stopsAtEnd, onToken: onToken)
    }
    return try RankTurns(size: ranks.count).run(
      first: { try run($0, onToken) }, others: { _ = try run($0, nil) })
  }

  /// Checks that the model can take a prompt and the steps after it, and memory the run.
  ///
  /// - Throws: ``LlamaError`` that says what does not fit.
  package func checkGeneration(from tokenIDs: [Int], steps: Int) throws(LlamaError) {
    let positions = try ranks[0].positions(from: tokenIDs, steps: steps)
    try AvailableMemory.require(memory(rows: tokenIDs.count, positions: positions))
  }
}
