package import AssayBase

extension TensorParallelLlama {
  /// How the ranks' tensors make those of the whole model, as a placements file says it.
  ///
  /// - Returns: `nil` for a model that is not split.
  package var placements: JSONValue? {
    guard ranks.count > 1 else { return nil }
    let (configuration, shard) = (ranks[0].configuration, ranks[0].shard)
    let size = configuration.headDimension
    let layer = #"model\.layers\.\d+\."#
    let (inputs, outputs) = (#"(post_fwd_)?inputs_0"#, "outputs")
    let queries = sharded(shard.heads.whole * size)
    let inner = sharded(shard.inner.whole)
    let replicas = ranks.count / shard.keyValueHeads.whole
    let logits = configuration.vocabularySize
    let padding = shard.logitCount * ranks.count - logits
    let rules = [
      rule(#"model\.embed_tokens"#, outputs, "partial"),
      rule(layer + #"self_attn\.q_proj"#, outputs, queries),
      rule(
        layer + #"self_attn\.[kv]_proj"#, outputs,
        sharded(shard.keyValueHeads.whole * size, replicas: replicas > 1 ? replicas : nil)),
      rule(layer + #"self_attn\.o_proj"#, inputs, queries),
      rule(layer + #"mlp\.(gate|up)_proj"#, outputs, inner),
      rule(layer + #"mlp\.act_fn"#, nil, inner),
      rule(layer + #"mlp\.down_proj"#, inputs, inner),
      rule(layer + #"(self_attn\.o|mlp\.down)_proj"#, outputs, "partial"),
      rule("lm_head", outputs, sharded(logits, padding: padding > 0 ? padding : nil)),
      rule(".*", nil, "replicate"),
    ]
    return .object(of: [
      "version": 1, "mesh": [JSONValue.object(of: ["tp": ranks.count])], "rules": rules,
    ])
  }

  /// Cut along the last axis.
  private func sharded(
    _ width: Int, replicas: Int? = nil, padding: Int? = nil
  ) -> JSONValue {
    .object(of: ["shard": -1, "width": width, "replicas": replicas, "padding": padding])
  }

  private func rule(
    _ module: String, _ slot: String?, _ placement: any JSONWritable
  ) -> JSONValue {
    .object(of: ["module": module, "slot": slot, "tp": placement])
  }
}
