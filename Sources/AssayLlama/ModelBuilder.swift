/// Makes modules from a checkpoint's tensors.
struct ModelBuilder {
  var weights: CheckpointWeights
  let configuration: LlamaConfiguration
  let rounding: Rounding
  let blas: BLAS

  mutating func embedding(_ name: String) throws(LlamaError) -> Embedding {
    let size = configuration.hiddenSize
    let weight = try weights.take(
      name + ".weight", shape: [configuration.vocabularySize, size], rounding)
    return Embedding(weight: weight, size: size, rounding: rounding)
  }

  mutating func norm(_ name: String) throws(LlamaError) -> RMSNorm {
    RMSNorm(
      weight: try weights.take(name + ".weight", shape: [configuration.hiddenSize], rounding)
        .values,
      epsilon: Float(configuration.normEpsilon), name: name, rounding: rounding, blas: blas)
  }

  mutating func linear(
    _ name: String, from inputSize: Int, to outputSize: Int, hasBias: Bool
  ) throws(LlamaError) -> Linear {
    let weight = try weights.take(name + ".weight", shape: [outputSize, inputSize], rounding)
    let bias =
      hasBias ? try weights.take(name + ".bias", shape: [outputSize], rounding).values : nil
    return Linear(
      weight: weight, bias: bias, inputSize: inputSize, outputSize: outputSize, name: name,
      rounding: rounding, blas: blas)
  }

  /// The head, which may share the embedding's weights.
  mutating func head(_ name: String, tiedTo embedding: Embedding) throws(LlamaError) -> Linear {
    let (inputSize, outputSize) = (configuration.hiddenSize, configuration.vocabularySize)
    guard configuration.tieWordEmbeddings else {
      return try linear(name, from: inputSize, to: outputSize, hasBias: false)
    }
    weights.ignore(name + ".weight")
    return Linear(
      weight: embedding.weight, bias: nil, inputSize: inputSize, outputSize: outputSize,
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
    let (hidden, size) = (configuration.hiddenSize, configuration.headDimension)
    let (queries, keys) = (configuration.headCount * size, configuration.keyValueHeadCount * size)
    let hasBias = configuration.attentionBias
    return Attention(
      qProj: try linear(name + ".q_proj", from: hidden, to: queries, hasBias: hasBias),
      kProj: try linear(name + ".k_proj", from: hidden, to: keys, hasBias: hasBias),
      vProj: try linear(name + ".v_proj", from: hidden, to: keys, hasBias: hasBias),
      oProj: try linear(name + ".o_proj", from: queries, to: hidden, hasBias: hasBias),
      index: index, headCount: configuration.headCount,
      keyValueHeadCount: configuration.keyValueHeadCount, headDimension: size, name: name,
      rounding: rounding, blas: blas)
  }

  private mutating func mlp(_ name: String) throws(LlamaError) -> MLP {
    let (hidden, inner) = (configuration.hiddenSize, configuration.intermediateSize)
    let hasBias = configuration.mlpBias
    return MLP(
      gateProj: try linear(name + ".gate_proj", from: hidden, to: inner, hasBias: hasBias),
      upProj: try linear(name + ".up_proj", from: hidden, to: inner, hasBias: hasBias),
      downProj: try linear(name + ".down_proj", from: inner, to: hidden, hasBias: hasBias),
      rounding: rounding)
  }
}
