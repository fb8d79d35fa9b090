import AssayBase
import AssayCheckpoints
import AssayRuns
import AssayTensors
import Foundation
import Testing

@testable import AssayLlama

@Suite struct LlamaConfigurationTests {
  @Test func keysOfOldAreRead() throws {
    let configuration = try LlamaConfiguration(contentsOf: Fixture.path("grouped-tied"))
    #expect(configuration.rotaryBase == 500_000)
    #expect(
      configuration.rotaryScaling
        == .llama3(
          .init(
            factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalMaximumPositions: 16))
    )
    #expect(configuration.dtype == .bfloat16)
    #expect(configuration.headDimension == 8)
    #expect(configuration.keyValueHeadCount == 1)
    #expect(configuration.tieWordEmbeddings)
    #expect(configuration.endTokenIDs == [61, 62])
  }

  @Test func keysOfTodayAreRead() throws {
    let configuration = try LlamaConfiguration(contentsOf: Fixture.path("biased-sharded"))
    #expect(configuration.rotaryBase == 10_000)
    #expect(configuration.rotaryScaling == nil)
    #expect(configuration.dtype == .float16)
    #expect(configuration.headDimension == 12)
    #expect(configuration.attentionBias && configuration.mlpBias)
    #expect(!configuration.tieWordEmbeddings)
    #expect(configuration.endTokenIDs == [2])
  }

  @Test(arguments: [
    ("architectures", JSONValue.array([.string("MistralForCausalLM")]), "MistralForCausalLM"),
    ("model_type", .string("qwen2"), "qwen2"),
    ("hidden_act", .string("gelu"), "gelu"),
    ("quantization_config", .object([:]), "quantisation"),
    ("rope_scaling", .object(["rope_type": .string("yarn"), "factor": .number(2)]), "yarn"),
    ("rope_scaling", .object(["rope_type": .string("dynamic")]), "dynamic"),
    ("partial_rotary_factor", .number(0.5), "partial"),
  ])
  func unsupportedFeatureIsNamed(_ key: String, _ value: JSONValue, _ name: String) throws {
    let scratch = try Scratch(copying: "grouped-tied")
    try scratch.configure([key: value])
    let error = #expect(throws: LlamaError.self) { try Llama(checkpoint: scratch.path) }
    guard case .unsupported(scratch.path + "/config.json", let what) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(what.contains(name), "\(what)")
  }

  @Test(
    arguments: [
      ("hidden_size", nil), ("hidden_size", .integer(0)), ("hidden_size", .integer(-4)),
      ("hidden_size", .number(1e30)), ("hidden_size", .string("32")), ("hidden_size", .number(1.5)),
      ("vocab_size", .integer(1 << 40)), ("num_hidden_layers", .bool(true)),
      ("num_attention_heads", .integer(5)), ("num_key_value_heads", .integer(3)),
      ("head_dim", .integer(7)), ("rms_norm_eps", .string("small")), ("rms_norm_eps", .number(-1)),
      ("attention_bias", .integer(1)), ("rope_theta", .integer(0)),
      ("eos_token_id", .string("</s>")),
      ("eos_token_id", .array([.number(0.5)])), ("architectures", .string("LlamaForCausalLM")),
    ] as [(String, JSONValue?)])
  func senselessValueIsNamed(_ key: String, _ value: JSONValue?) throws {
    let scratch = try Scratch(copying: "grouped-tied")
    try scratch.configure([key: value])
    let error = #expect(throws: LlamaError.self) { try Llama(checkpoint: scratch.path) }
    guard case .invalidValue(scratch.path + "/config.json", key, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test(arguments: ["type", "rope_type"])
  func linearScalingIsRead(_ key: String) throws {
    let scratch = try Scratch(copying: "grouped-tied")
    let scaling: [String: JSONValue] = [key: .string("linear"), "factor": .number(2.5)]
    try scratch.configure(["rope_scaling": .object(scaling)])
    let configuration = try LlamaConfiguration(contentsOf: scratch.path)
    #expect(configuration.rotaryScaling == .linear(factor: 2.5))
    try scratch.configure(["rope_scaling": .object([key: .string("linear")])])
    let error = #expect(throws: LlamaError.self) {
      try LlamaConfiguration(contentsOf: scratch.path)
    }
    #expect(error?.description.contains("rope_scaling.factor") == true)
  }

  @Test func senselessScalingIsNamed() throws {
    let scratch = try Scratch(copying: "grouped-tied")
    let scaling: [String: JSONValue] = [
      "rope_type": .string("llama3"), "factor": .integer(8), "low_freq_factor": .integer(4),
      "high_freq_factor": .integer(4), "original_max_position_embeddings": .integer(16),
    ]
    try scratch.configure(["rope_scaling": .object(scaling)])
    let error = #expect(throws: LlamaError.self) { try Llama(checkpoint: scratch.path) }
    #expect(error?.description.contains("rope_scaling.high_freq_factor") == true)
  }

  @Test func aHugeLayerCountEndsAtTheFirstMissingLayer() throws {
    let scratch = try Scratch(copying: "grouped-tied")
    try scratch.configure(["num_hidden_layers": .integer(200_000_000)])
    #expect(
      throws: LlamaError.missingTensor(
        "model.layers.2.input_layernorm.weight", path: scratch.path + "/model.safetensors")
    ) { try Llama(checkpoint: scratch.path) }
  }

  @Test(arguments: [
    "", "{", "[]", "null", "{\"a\":}", "\u{0}",
  ])
  func damagedFileIsAnError(_ text: String) throws {
    let scratch = try Scratch()
    try scratch.write("config.json", Data(text.utf8))
    let error = #expect(throws: LlamaError.self) {
      try LlamaConfiguration(contentsOf: scratch.path)
    }
    guard case .unreadable(scratch.path + "/config.json", _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  /// No arguments: logs print those whole.
  @Test func hugeFileIsAnError() throws {
    try damagedFileIsAnError(String(repeating: "[", count: 100_000))
    try damagedFileIsAnError(String(repeating: "{\"a\":", count: 100_000))
    try damagedFileIsAnError(String(repeating: " ", count: 1 << 20 + 1))
  }

  @Test func missingFileIsAnError() throws {
    let scratch = try Scratch()
    #expect(
      throws: LlamaError.unreadable(
        path: scratch.path + "/config.json", reason: "No such file or directory")
    ) { try Llama(checkpoint: scratch.path) }
  }
}
