public import AssayCapture
import AssayRuns
public import AssayTensors

/// A Llama-family decoder whose modules bear PyTorch's names and run in PyTorch's order.
///
/// The reference of transformers' `LlamaForCausalLM`: what a recorder sees of a forward is what
/// hooks on the PyTorch model see. In bfloat16 and float16 every module computes in float32 and
/// rounds where PyTorch's CPU modules round.
public struct Llama: Sendable {
  /// The model's shape.
  public let configuration: LlamaConfiguration
  /// The dtype that modules round to.
  public let dtype: DType
  /// How many threads compute a matrix product; results do not depend on it.
  public let threads: Int

  package var embedTokens: Embedding
  package var rotaryEmbedding: RotaryEmbedding
  package var layers: [DecoderLayer]
  package var norm: RMSNorm
  package var lmHead: Linear
  /// What of the model this is; the ranks of a `TensorParallelLlama` have parts.
  let shard: Shard
  private let rounding: Rounding

  /// Loads a checkpoint as transformers writes it.
  ///
  /// - Parameters:
  ///   - checkpoint: A directory with `config.json` and `model.safetensors`, or several weight
  ///     files and `model.safetensors.index.json`.
  ///   - dtype: float32, bfloat16 or float16: what to compute in, whatever the file holds.
  ///   - threads: How many threads compute a matrix product; at least 1.
  /// - Throws: ``LlamaError`` that names the file, key or tensor at fault.
  public init(
    checkpoint: String, dtype: DType = .float32, threads: Int = 1
  ) throws(LlamaError) {
    // Before the weights are opened, as what is wrong with it is told first.
    _ = try Rounding(dtype)
    let configuration = try LlamaConfiguration(contentsOf: checkpoint)
    try self.init(
      configuration, try CheckpointWeights(checkpoint: checkpoint), dtype: dtype, threads: threads,
      shard: try Shard(configuration, rank: 0, of: 1))
  }

  /// Makes the part of a model that a rank holds.
  init(
    _ configuration: LlamaConfiguration, _ weights: CheckpointWeights, dtype: DType, threads: Int,
    shard: Shard
  ) throws(LlamaError) {
    rounding = try Rounding(dtype)
    self.dtype = dtype
    self.threads = max(threads, 1)
    self.configuration = configuration
    self.shard = shard
    var builder = ModelBuilder(
      weights: weights, configuration: configuration, shard: shard, rounding: rounding,
      blas: BLAS(threads: self.threads))
    embedTokens = try builder.embedding("model.embed_tokens")
    layers = []
    for index in 0..<configuration.layerCount { layers.append(try builder.layer(index)) }
    norm = try builder.norm("model.norm")
    lmHead = try builder.head("lm_head", tiedTo: embedTokens)
    rotaryEmbedding = RotaryEmbedding(
      base: configuration.rotaryBase, scaling: configuration.rotaryScaling,
      headDimension: configuration.headDimension, rounding: rounding)
    try builder.weights.finish()
  }

  /// The libraries that compute, with their versions, for a run's provenance.
  public static var libraries: [String: String] { ["openblas": BLAS.library] }

  /// Runs one step: the next tokens of a text, after those that the cache has seen.
  ///
  /// - Parameters:
  ///   - tokenIDs: The whole prompt, or the token that was chosen last.
  ///   - cache: The text's cache, which grows by the tokens. After a failure it is as before.
  ///   - probe: What the modules announce their calls to.
  /// - Returns: The logits of every position: [1, tokens, vocabulary].
  /// - Throws: ``LlamaError`` for tokens that the model cannot take, and what the probe throws.
  public func forward(
    tokenIDs: [Int], cache: KVCache, probe: Probe = .detached
  ) throws -> Activation {
    try forward(tokenIDs: tokenIDs, cache: cache, probe: probe, rank: .alone)
  }

  /// Runs one step of a rank; every other rank of its group runs the same one.
  func forward(
    tokenIDs: [Int], cache: KVCache, probe: Probe, rank: Rank
  ) throws -> Activation {
    precondition(rank.index == shard.rank && rank.group.size == shard.rankCount)
    try check(tokenIDs, positions: cache.length + tokenIDs.count)
    if cache.layers.isEmpty { cache.layers = emptyLayers }
    guard cache.layers.count == layers.count,
      cache.layers.allSatisfy({ layer in
        layer.keys.count == shard.keyValueHeads.count
          && layer.keys.allSatisfy { $0.count == cache.length * configuration.headDimension }
      })
    else { throw LlamaError.mismatchedCache }
    do {
      let rows = StepRows(
        request: cache.request, positions: cache.length..<cache.length + tokenIDs.count)
      let logits = try probe.step(rows: rows) {
        try run(tokenIDs, cache: cache, rank: rank, probe: probe)
      }
      cache.length += tokenIDs.count
      return logits
    } catch {
      cache.truncate(rowLength: configuration.headDimension)
      throw error
    }
  }

  private var emptyLayers: [KVCache.Layer] {
    let heads = [[Float]](repeating: [], count: shard.keyValueHeads.count)
    return layers.map { _ in KVCache.Layer(keys: heads, values: heads) }
  }

  /// Makes sure that the tokens exist and the positions are within the context.
  func check(_ tokenIDs: [Int], positions: Int) throws(LlamaError) {
    guard !tokenIDs.isEmpty else { throw .emptyPrompt }
    for id in tokenIDs where !(0..<configuration.vocabularySize ~= id) {
      throw .tokenOutOfVocabulary(id, vocabularySize: configuration.vocabularySize)
    }
    guard positions <= configuration.maximumPositions else {
      throw .contextOverflow(positions: positions, limit: configuration.maximumPositions)
    }
  }
}

extension Llama {
  private func run(
    _ tokenIDs: [Int], cache: KVCache, rank: Rank, probe: Probe
  ) throws -> Activation {
    let output = try probe(
      "model", Keyword("input_ids", TokenVector(values: tokenIDs)),
      Keyword("attention_mask", Activation?.none), Keyword("position_ids", TokenVector?.none),
      Keyword("past_key_values", cache), Keyword("inputs_embeds", Activation?.none),
      Keyword("use_cache", true)
    ) { ids, _, _, cache, _, _ in
      try runModel(ids.value, cache: cache.value, rank: rank, probe: probe.scope("model"))
    }
    let logits = try probe("lm_head", output.lastHiddenState) { try lmHead($0) }
    return try rank.allGather(logits, columns: configuration.vocabularySize)
  }

  private func runModel(
    _ ids: TokenVector, cache: KVCache, rank: Rank, probe: Probe
  ) throws -> ModelOutput {
    let embedded = try probe("embed_tokens", ids) { try embedTokens($0) }
    var hidden = try rank.allReduce(embedded, rounding)
    let positions = TokenVector(values: ids.values.indices.map { cache.length + $0 })
    let (cosines, sines) = try probe("rotary_emb", hidden, Keyword("position_ids", positions)) {
      _, positions in
      let tables = rotaryEmbedding(positions.value)
      return (tables.cosines, tables.sines)
    }
    let tables = RotaryTables(cosines: cosines, sines: sines)
    for (index, layer) in layers.enumerated() {
      hidden = try probe(
        "layers.\(index)", hidden, Keyword("attention_mask", Activation?.none),
        Keyword("position_embeddings", tables), Keyword("position_ids", positions),
        Keyword("past_key_values", cache), Keyword("use_cache", true)
      ) { hidden, _, tables, positions, cache, _ in
        let step = StepInputs(positions: positions.value, cache: cache.value, rank: rank)
        return try layer(
          hidden, step: step, tables: tables.value, probe: probe.scope("layers.\(index)"))
      }
    }
    let normed = try probe("norm", hidden) { try norm($0) }
    return ModelOutput(lastHiddenState: normed, cache: cache)
  }
}

/// What `model` returns, a dictionary in PyTorch.
private struct ModelOutput: Capturable {
  let lastHiddenState: Activation
  let cache: KVCache

  var capturedValue: CapturedValue {
    get throws {
      .dictionary([
        ("last_hidden_state", try lastHiddenState.capturedValue),
        ("past_key_values", cache.capturedValue),
      ])
    }
  }

  func replacingTensors(_ replacement: TensorReplacement) throws -> ModelOutput {
    ModelOutput(
      lastHiddenState: try lastHiddenState.replacingTensors(
        replacement.appending("last_hidden_state")),
      cache: cache)
  }
}
