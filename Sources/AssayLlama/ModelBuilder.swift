/// Makes a rank's modules from a checkpoint's tensors.
struct ModelBuilder {
  var weights: CheckpointWeights
  let configuration: LlamaConfiguration
  let shard: Shard
  let rounding: Rounding
  let blas: BLAS

  mutating func embedding(_ name: String) throws(LlamaError) -> Embedding {
    let weight = try weights.take(name + ".weight", [shard.vocabulary, shard.hidden], rounding)
    return Embedding(
      weight: weight, size: shard.hidden.whole, tokens: shard.vocabulary, rounding: rounding)
  }

  mutating func norm(_ name: String) throws(LlamaError) -> RMSNorm {
    RMSNorm(
      weight: try weights.take(name + ".weight", [shard.hidden], rounding).values,
      epsilon: Float(configuration.normEpsilon), name: name, rounding: rounding, blas: blas)
  }

  /// A layer that is column-parallel where its outputs are cut, row-parallel where its inputs are.
  mutating func linear(
    _ name: String, from inputs: AxisPart, to outputs: AxisPart, hasBias: Bool
  ) throws(LlamaError) -> Linear {
    let weight = try weights.take(name + ".weight", [outputs, inputs], rounding)
    var bias = hasBias ? try weights.take(name + ".bias", [outputs], rounding).values : nil
    // The ranks' sum has the bias once: from the rank of the first input.
    if inputs.range.lowerBound > 0 { bias = nil }
    return Linear(
      weight: weight, bias: bias, inputSize: inputs.count, outputSize: outputs.count, name: name,
      rounding: rounding, blas: blas)
  }

  /// The head, which may share the embedding's weights; the logits of padding are 0.
  mutating func head(_ name: String, tiedTo embedding: Embedding) throws(LlamaError) -> Linear {
    var weight = embedding.weight
    if configuration.tieWordEmbeddings {
      weights.ignore(name + ".weight")
    } else {
      weight = try weights.take(name + ".weight", [shard.vocabulary, shard.hidden], rounding)
    }
    return Linear(
      weight: weight, bias: nil, inputSize: shard.hidden.count, outputSize: shard.logitCount,
      name: name, rounding: rounding, blas: blas)
  }

  mutating func layer(_ index: Int) throws(LlamaError) -> DecoderLayer {
    let name = "model.layers.\(index)"
    // Checkpoints of the first Llama models store what is computed anyway.
    weights.ignore(name + ".self_attn.rotary_emb.inv_freq")
    return DecoderLayer(
      inputLayernorm: try norm(name + ".input_layernorm"),
      selfAttention: try attention(name + ".self_attn", index: index),
      postAttentionLayernorm: try norm(name + ".post_attention_layernorm"),
      mlp: try mlp(name + ".mlp"), rounding: rounding)
  }

  private mutating func attention(_ name: String, index: Int) throws(LlamaError) -> Attention {
    let (hidden, size) = (shard.hidden, configuration.headDimension)
    let (queries, keys) = (shard.heads.scaled(by: size), shard.keyValueHeads.scaled(by: size))
    let hasBias = configuration.attentionBias
    return Attention(
      qProj: try linear(name + ".q_proj", from: hidden, to: queries, hasBias: hasBias),
      kProj: try linear(name + ".k_proj", from: hidden, to: keys, hasBias: hasBias),
      vProj: try linear(name + ".v_proj", from: hidden, to: keys, hasBias: hasBias),
      oProj: try linear(name + ".o_proj", from: queries, to: hidden, hasBias: hasBias),
      index: index, headCount: shard.heads.count, keyValueHeadCount: shard.keyValueHeads.count,
      headDimension: size, name: name, rounding: rounding, blas: blas)
  }

  private mutating func mlp(_ name: String) throws(LlamaError) -> MLP {
    let (hidden, inner) = (shard.hidden, shard.inner)
    let hasBias = configuration.mlpBias
    return MLP(
      gateProj: try linear(name + ".gate_proj", from: hidden, to: inner, hasBias: hasBias),
      upProj: try linear(name + ".up_proj", from: hidden, to: inner, hasBias: hasBias),
      downProj: try linear(name + ".down_proj", from: inner, to: hidden, hasBias: hasBias),
      rounding: rounding)
  }
}
