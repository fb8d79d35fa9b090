import AssayBase
import AssayRuns
import AssayTensors
import Testing

@testable import AssayLlama

/// Whole checkpoints, against the logits and tokens of transformers.
///
/// `grouped-tied` has one key/value head, a tied head, Llama 3's RoPE, bfloat16 weights and a
/// configuration in the keys of old; `biased-sharded` has biases everywhere, long heads, an untied
/// head and float16 weights in three files.
@Suite struct CheckpointTests {
  static let names = ["grouped-tied", "biased-sharded"]
  private static let prompt = [3, 14, 15, 9, 26, 5, 35, 8, 9]

  @Test(arguments: names, Fixture.dtypes)
  func logitsAndTokensMatch(_ name: String, _ dtype: DType) throws {
    let model = try Llama(checkpoint: Fixture.path(name), dtype: dtype)
    let file = name + "-expected"
    let tokens = try Fixture.tensor("\(dtype).tokens", in: file).float64Values().map { Int($0) }
    // Two steps of bfloat16 and float16 near 1; float32 differs by the order of sums only.
    let bound: [DType: Float] = [.float32: 1e-5, .bfloat16: 0x1p-6, .float16: 0x1p-9]
    let cache = KVCache()
    var input = CheckpointTests.prompt
    for (step, token) in tokens.enumerated() {
      let logits = try model.forward(tokenIDs: input, cache: cache)
      #expect(logits.shape == [1, input.count, 64])
      let expected = try Fixture.tensor("\(dtype).logits.\(step)", in: file)
      let distance = Distance(logits.values, expected, floor: 1)
      #expect(distance.relative <= bound[dtype, default: 0], "step \(step): \(distance)")
      #expect(logits.argmaxOfLastRow == token)
      input = [token]
    }
    #expect(try model.generate(from: CheckpointTests.prompt, steps: tokens.count) == tokens)
  }

  @Test func missingTensorIsNamed() throws {
    let scratch = try Scratch(copying: "grouped-tied")
    let name = "model.layers.1.mlp.up_proj.weight"
    try scratch.rewrite { $0[name] = nil }
    #expect(throws: LlamaError.missingTensor(name, path: scratch.path + "/model.safetensors")) {
      try Llama(checkpoint: scratch.path)
    }
  }

  @Test func unexpectedTensorIsNamed() throws {
    let scratch = try Scratch(copying: "grouped-tied")
    try scratch.rewrite { $0["model.layers.0.self_attn.q_norm.weight"] = $0["model.norm.weight"] }
    #expect(
      throws: LlamaError.unexpectedTensor(
        "model.layers.0.self_attn.q_norm.weight", path: scratch.path + "/model.safetensors")
    ) { try Llama(checkpoint: scratch.path) }
  }

  @Test func tensorsThatNothingNeedsAreIgnored() throws {
    let scratch = try Scratch(copying: "grouped-tied")
    try scratch.rewrite {
      $0["lm_head.weight"] = $0["model.embed_tokens.weight"]
      $0["model.layers.1.self_attn.rotary_emb.inv_freq"] = $0["model.norm.weight"]
    }
    let model = try Llama(checkpoint: scratch.path)
    #expect(model.lmHead.weight.values == model.embedTokens.weight.values)
  }

  @Test func misshapenTensorIsNamed() throws {
    let scratch = try Scratch(copying: "grouped-tied")
    try scratch.configure(["intermediate_size": .integer(50)])
    #expect(
      throws: LlamaError.misshapenTensor(
        "model.layers.0.mlp.gate_proj.weight", path: scratch.path + "/model.safetensors",
        expected: [50, 32], found: [48, 32])
    ) { try Llama(checkpoint: scratch.path) }
  }

  @Test func integerWeightsAreRefused() throws {
    let scratch = try Scratch(copying: "grouped-tied")
    try scratch.rewrite {
      $0["model.norm.weight"] = try Tensor([Int64](repeating: 1, count: 32), dtype: .int64)
    }
    #expect(
      throws: LlamaError.unsupportedTensorDType(
        "model.norm.weight", path: scratch.path + "/model.safetensors", found: .int64)
    ) { try Llama(checkpoint: scratch.path) }
  }

  @Test(arguments: [DType.float64, .int8, .float8_e5m2])
  func otherDTypesAreRefused(_ dtype: DType) throws {
    #expect(throws: LlamaError.unsupportedDType(dtype)) {
      try Llama(checkpoint: Fixture.path("grouped-tied"), dtype: dtype)
    }
  }
}
