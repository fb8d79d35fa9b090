import AssayBase
import AssayTensors

/// A checkpoint of random weights, of a shape that the fixtures do not have.
struct MadeCheckpoint {
  var heads = 12
  var keyValueHeads = 1
  var vocabulary = 50
  var inner = 48
  var isTied = false
  var hasBias = true

  private static let (hidden, headDimension, layers) = (32, 16, 2)

  func write() throws -> Scratch {
    let scratch = try Scratch(copying: "grouped-tied")
    try scratch.configure([
      "num_attention_heads": .integer(Int64(heads)),
      "num_key_value_heads": .integer(Int64(keyValueHeads)),
      "head_dim": .integer(Int64(Self.headDimension)), "vocab_size": .integer(Int64(vocabulary)),
      "intermediate_size": .integer(Int64(inner)), "tie_word_embeddings": .bool(isTied),
      "attention_bias": .bool(hasBias), "mlp_bias": .bool(hasBias), "torch_dtype": nil,
    ])
    try scratch.rewrite { $0 = try tensors() }
    return scratch
  }

  private func tensors() throws -> [String: Tensor] {
    var random = Random(state: 7)
    var tensors: [String: Tensor] = [:]
    func add(_ name: String, _ dimensions: [Int], around center: Float = 0) throws {
      let shape = try Shape(dimensions)
      let values = (0..<shape.elementCount).map { _ in center + random.next() }
      tensors[name] = try Tensor(values, dtype: .float32, shape: shape)
    }
    func linear(_ name: String, _ outputs: Int, _ inputs: Int) throws {
      try add(name + ".weight", [outputs, inputs])
      if hasBias { try add(name + ".bias", [outputs]) }
    }
    let (hidden, size) = (Self.hidden, Self.headDimension)
    try add("model.embed_tokens.weight", [vocabulary, hidden])
    for layer in (0..<Self.layers).map({ "model.layers.\($0)." }) {
      try linear(layer + "self_attn.q_proj", heads * size, hidden)
      try linear(layer + "self_attn.k_proj", keyValueHeads * size, hidden)
      try linear(layer + "self_attn.v_proj", keyValueHeads * size, hidden)
      try linear(layer + "self_attn.o_proj", hidden, heads * size)
      try linear(layer + "mlp.gate_proj", inner, hidden)
      try linear(layer + "mlp.up_proj", inner, hidden)
      try linear(layer + "mlp.down_proj", hidden, inner)
      try add(layer + "input_layernorm.weight", [hidden], around: 1)
      try add(layer + "post_attention_layernorm.weight", [hidden], around: 1)
    }
    try add("model.norm.weight", [hidden], around: 1)
    if !isTied { try add("lm_head.weight", [vocabulary, hidden]) }
    return tensors
  }
}

/// SplitMix64, for the same numbers in every run.
private struct Random {
  var state: UInt64

  /// From -0.25 to 0.25.
  mutating func next() -> Float {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Float((z ^ (z >> 31)) >> 40) / Float(1 << 25) - 0.25
  }
}
