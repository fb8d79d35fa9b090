import AssayBase
package import AssayCheckpoints
package import AssayTensors

/// The shape of a Llama-family decoder, as `config.json` tells it.
public struct LlamaConfiguration: Hashable, Sendable {
  /// The number of tokens.
  public var vocabularySize: Int
  /// The length of a hidden state.
  package var hiddenSize: Int
  /// The length of the gated product inside the MLP.
  package var intermediateSize: Int
  /// The number of decoder layers.
  public var layerCount: Int
  /// The number of query heads.
  package var headCount: Int
  /// The number of key and value heads, which divides the number of query heads.
  package var keyValueHeadCount: Int
  /// The length of a head's vectors; even.
  package var headDimension: Int
  /// How many positions the model knows.
  public var maximumPositions: Int
  /// What RMSNorm adds to the mean square.
  package var normEpsilon: Double
  /// The base of the rotary frequencies.
  package var rotaryBase: Double
  /// How the rotary frequencies are stretched; `nil` where they are not.
  package var rotaryScaling: RotaryScaling?
  /// Whether q, k, v and o have a bias.
  package var attentionBias: Bool
  /// Whether the MLP's projections have a bias.
  package var mlpBias: Bool
  /// Whether the head uses the embedding's weights.
  package var tieWordEmbeddings: Bool
  /// The tokens that end a text.
  public var endTokenIDs: [Int]
  /// The dtype that the checkpoint says its weights have.
  package var dtype: DType?

  /// A rule by which rotary frequencies are stretched.
  package enum RotaryScaling: Hashable, Sendable {
    /// All are divided by a factor.
    case linear(factor: Double)
    /// Llama 3's: only low ones are.
    case llama3(Llama3Scaling)
  }

  /// Reads `config.json` of a checkpoint directory.
  ///
  /// Knows the keys of today's transformers (`rope_parameters`, `dtype`) and the older ones
  /// (`rope_theta`, `rope_scaling`, `torch_dtype`).
  ///
  /// - Parameter checkpoint: A directory that holds `config.json`.
  /// - Throws: ``LlamaError/unreadable(path:reason:)``,
  ///   ``LlamaError/invalidValue(path:key:reason:)``, or
  ///   ``LlamaError/unsupported(path:what:)`` naming the architecture or feature.
  public init(contentsOf checkpoint: String) throws(LlamaError) {
    let file = try JSONObject(contentsOf: checkpoint + "/config.json")
    try LlamaConfiguration.checkSupport(file)
    vocabularySize = try file.size("vocab_size")
    hiddenSize = try file.size("hidden_size")
    intermediateSize = try file.size("intermediate_size")
    layerCount = try file.size("num_hidden_layers")
    headCount = try file.size("num_attention_heads")
    keyValueHeadCount = try file.size("num_key_value_heads", default: headCount)
    guard headCount % keyValueHeadCount == 0 else {
      throw file.invalid("num_key_value_heads", "does not divide num_attention_heads \(headCount)")
    }
    if file["head_dim"] == nil, hiddenSize % headCount != 0 {
      throw file.invalid("num_attention_heads", "does not divide hidden_size \(hiddenSize)")
    }
    headDimension = try file.size("head_dim", default: hiddenSize / headCount)
    guard headDimension % 2 == 0 else { throw file.invalid("head_dim", "is odd") }
    maximumPositions = try file.size("max_position_embeddings", default: 2048)
    normEpsilon = try file.number("rms_norm_eps", default: 1e-6)
    attentionBias = try file.bool("attention_bias", default: false)
    mlpBias = try file.bool("mlp_bias", default: false)
    tieWordEmbeddings = try file.bool("tie_word_embeddings", default: false)
    endTokenIDs = try file.tokenIDs("eos_token_id")
    let dtypeName = try file.string("dtype")
    let olderName = try file.string("torch_dtype")
    dtype = (dtypeName ?? olderName).flatMap(DType.init(torchName:))
    (rotaryBase, rotaryScaling) = try LlamaConfiguration.rotary(file)
  }

  private static func checkSupport(_ file: JSONObject) throws(LlamaError) {
    let architectures = try file.strings("architectures")
    for architecture in architectures ?? [] where architecture != "LlamaForCausalLM" {
      throw file.unsupported("the architecture \(architecture)")
    }
    let type = try file.string("model_type")
    if let type, type != "llama" { throw file.unsupported("the model type \(type)") }
    if type == nil, architectures == nil {
      throw file.invalid("model_type", "is missing, and \"architectures\" as well")
    }
    if let activation = try file.string("hidden_act"), activation != "silu" {
      throw file.unsupported("the activation \(activation)")
    }
    if file["quantization_config"] != nil { throw file.unsupported("quantisation") }
  }

  /// The base and the scaling, from the keys of either generation.
  private static func rotary(
    _ file: JSONObject
  ) throws(LlamaError) -> (base: Double, scaling: RotaryScaling?) {
    let base = try file.number("rope_theta", default: 10000)
    let older = try file.object("rope_scaling")
    let today = try file.object("rope_parameters")
    guard let keys = older ?? today else { return (base, nil) }
    let rotaryBase = try keys.number("rope_theta", default: base)
    for object in [file, keys] {
      guard try object.number("partial_rotary_factor", default: 1) == 1 else {
        throw object.unsupported("a partial rotary embedding")
      }
    }
    let type = try keys.string("rope_type")
    let olderType = try keys.string("type")
    switch type ?? olderType ?? "default" {
    case "default": return (rotaryBase, nil)
    case "linear": return (rotaryBase, .linear(factor: try keys.number("factor")))
    case "llama3":
      let scaling = Llama3Scaling(
        factor: try keys.number("factor"),
        lowFrequencyFactor: try keys.number("low_freq_factor"),
        highFrequencyFactor: try keys.number("high_freq_factor"),
        originalMaximumPositions: try keys.size("original_max_position_embeddings"))
      guard scaling.highFrequencyFactor > scaling.lowFrequencyFactor else {
        throw keys.invalid("high_freq_factor", "is not above low_freq_factor")
      }
      return (rotaryBase, .llama3(scaling))
    case let type: throw keys.unsupported("the rope type \(type)")
    }
  }
}
