import AssayCapture

/// One layer: attention and MLP, each behind a norm and added to what came in.
package struct DecoderLayer: Sendable {
  package var inputLayernorm: RMSNorm
  package var selfAttention: Attention
  package var postAttentionLayernorm: RMSNorm
  package var mlp: MLP
  let rounding: Rounding

  func callAsFunction(
    _ input: Activation, step: StepInputs, tables: RotaryTables, probe: Probe
  ) throws -> Activation {
    let normed = try probe("input_layernorm", input) { try inputLayernorm($0) }
    let (attended, _) = try probe(
      "self_attn", Keyword("hidden_states", normed), Keyword("attention_mask", Activation?.none),
      Keyword("position_ids", step.positions), Keyword("past_key_values", step.cache),
      Keyword("use_cache", true), Keyword("position_embeddings", tables)
    ) { hidden, _, _, cache, _, tables in
      let output = try selfAttention(
        hidden.value, tables: tables.value, cache: cache.value, rank: step.rank,
        probe: probe.scope("self_attn"))
      return (output, Activation?.none)
    }
    let middle = input.adding(attended, rounding)
    let normedMiddle = try probe("post_attention_layernorm", middle) {
      try postAttentionLayernorm($0)
    }
    let output = try probe("mlp", normedMiddle) {
      try mlp($0, rank: step.rank, probe: probe.scope("mlp"))
    }
    return middle.adding(output, rounding)
  }
}

/// What every layer of a step is given beside the hidden states.
struct StepInputs {
  let positions: TokenVector
  let cache: KVCache
  let rank: Rank
}
