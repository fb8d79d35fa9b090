import AssayBase
import AssayRuns
import AssayTensors
import Foundation

/// Turns a GGUF file of the Llama architecture into a checkpoint as transformers writes it.
package enum GGUFCheckpoint {
  /// Writes `config.json` and `model.safetensors` (float32).
  ///
  /// Weights are unpacked one by one, so that memory stays that of the largest. The rows of q and k
  /// are put back into PyTorch's order, from which llama.cpp's converter takes them.
  ///
  /// - Parameters:
  ///   - gguf: The file.
  ///   - directory: Where the checkpoint shall be; it appears whole or not at all.
  ///   - progress: Called with the number of tensors written and their total.
  /// - Returns: Why no tokenizer was written, or `nil` where one was. A prompt for a checkpoint
  ///   without tokenizer must be given as token ids.
  /// - Throws: ``GGUFError``: another architecture, a key or tensor that is missing, or a directory
  ///   that is there already or cannot be written.
  @discardableResult package static func write(
    _ gguf: GGUFFile, to directory: String, progress: (Int, Int) -> Void = { _, _ in }
  ) throws(GGUFError) -> String? {
    guard !FileManager.default.fileExists(atPath: directory) else {
      throw .unwritable(path: directory, reason: "it is there already")
    }
    let plan = try Plan(gguf)
    let target = URL(filePath: directory).standardizedFileURL
    let temporary = FileSystem.temporaryPath(beside: target.path)
    do {
      defer { try? FileManager.default.removeItem(atPath: temporary) }
      try FileSystem.makeDirectory(temporary, withParents: true)
      for (name, value) in plan.files {
        let data = value.encoded(pretty: true)
        try WholeFile.replace(temporary + "/" + name, with: data)
      }
      var count = 0
      try SafetensorsWriter.write(plan.weights.map(\.entry), to: temporary + "/model.safetensors") {
        index in
        progress(count, plan.weights.count)
        count += 1
        return try plan.weights[index].load(from: gguf)
      }
      progress(count, plan.weights.count)
      try FileSystem.rename(temporary, to: target.path)
      return plan.missingTokenizer
    } catch let error as GGUFError {
      throw error
    } catch {
      let reason = (error as? CocoaError)?.localizedDescription ?? "\(error)"
      throw .unwritable(path: directory, reason: reason)
    }
  }
}

/// What will be written, found out before anything is.
private struct Plan {
  var files: [(name: String, value: JSONValue)]
  var weights: [Weight] = []
  /// Why the files hold no tokenizer.
  var missingTokenizer: String?

  init(_ gguf: GGUFFile) throws(GGUFError) {
    let metadata = GGUFMetadata(path: gguf.path, values: gguf.metadata)
    let architecture = try metadata.string("general.architecture")
    guard architecture == "llama" else {
      throw .unsupported(
        path: gguf.path, what: "the architecture \(architecture ?? "that is not named") (llama is)")
    }
    let shape = try ModelShape(gguf, metadata)
    files = [("config.json", shape.configuration)]
    try addTokenizer(metadata)
    for name in gguf.tensors.keys.sorted() where name != GGUFRotaryScaling.factorsName {
      weights.append(try Weight(name, in: gguf, shape))
    }
    weights.sort { $0.name < $1.name }
  }

  private mutating func addTokenizer(_ metadata: GGUFMetadata) throws(GGUFError) {
    guard metadata.values["tokenizer.ggml.model"] != nil else {
      missingTokenizer = "the file has none"
      return
    }
    do {
      let tokenizer = try GGUFTokenizer(metadata)
      files.append(("tokenizer.json", tokenizer.json))
      files.append(("tokenizer_config.json", tokenizer.configuration))
    } catch {
      // The weights are of use without it; what is damaged stays an error.
      guard case .unsupported(_, let what) = error else { throw error }
      missingTokenizer = "\(what) is not supported"
    }
  }
}

/// The model's shape, from the metadata's keys.
private struct ModelShape {
  var headCount: Int
  var keyValueHeadCount: Int
  var layerCount: Int
  var configuration: JSONValue

  init(_ gguf: GGUFFile, _ metadata: GGUFMetadata) throws(GGUFError) {
    guard let embedding = gguf.tensors["token_embd.weight"], embedding.shape.count == 2 else {
      throw .missingTensor("token_embd.weight", path: gguf.path)
    }
    let hiddenSize = try metadata.requiredSize("llama.embedding_length")
    headCount = try metadata.requiredSize("llama.attention.head_count")
    keyValueHeadCount = try metadata.size("llama.attention.head_count_kv") ?? headCount
    let headDimension = try metadata.size("llama.attention.key_length") ?? hiddenSize / headCount
    let rotaryDimension = try metadata.size("llama.rope.dimension_count")
    guard headDimension % 2 == 0, rotaryDimension ?? headDimension == headDimension else {
      throw metadata.invalid(
        "llama.rope.dimension_count", "is not the \(headDimension) of a head")
    }
    let rotary = try GGUFRotaryScaling(gguf, metadata).parameters(headDimension: headDimension)
    guard let epsilon = try metadata.number("llama.attention.layer_norm_rms_epsilon") else {
      throw metadata.invalid("llama.attention.layer_norm_rms_epsilon", "is missing")
    }
    layerCount = try metadata.requiredSize("llama.block_count")
    let parts = GGUFLayers(gguf, count: layerCount)
    try parts.checkWeights()
    let hasBias = try parts.hasBiases(of: GGUFLayers.attention)
    let hasMLPBias = try parts.hasBiases(of: GGUFLayers.mlp)
    func json(_ size: Int) -> JSONValue { .integer(Int64(size)) }
    func json(_ id: Int?) -> JSONValue { id.map { .integer(Int64($0)) } ?? .null }
    configuration = .object([
      "architectures": .array([.string("LlamaForCausalLM")]), "model_type": .string("llama"),
      "hidden_act": .string("silu"), "vocab_size": json(embedding.shape[0]),
      "hidden_size": json(hiddenSize),
      "intermediate_size": json(try metadata.requiredSize("llama.feed_forward_length")),
      "num_hidden_layers": json(layerCount),
      "num_attention_heads": json(headCount), "num_key_value_heads": json(keyValueHeadCount),
      "head_dim": json(headDimension),
      "max_position_embeddings": json(try metadata.requiredSize("llama.context_length")),
      "rms_norm_eps": .number(epsilon),
      "rope_parameters": rotary,
      "attention_bias": .bool(hasBias), "mlp_bias": .bool(hasMLPBias),
      "tie_word_embeddings": .bool(gguf.tensors["output.weight"] == nil),
      "bos_token_id": json(try metadata.tokenID("tokenizer.ggml.bos_token_id")),
      "eos_token_id": json(try metadata.tokenID("tokenizer.ggml.eos_token_id")),
      "dtype": .string("float32"),
    ])
  }
}

/// One tensor on its way into the checkpoint.
private struct Weight {
  /// Its name in PyTorch.
  var name: String
  private var source: GGUFTensor
  /// The heads whose rows llama.cpp has interleaved; `nil` where they are as in PyTorch.
  private var interleavedHeads: Int?

  private static let top = [
    "token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
  ]
  private static let ofBlocks = [
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
  ]

  init(_ name: String, in gguf: GGUFFile, _ shape: ModelShape) throws(GGUFError) {
    guard let tensor = gguf.tensors[name] else { throw .missingTensor(name, path: gguf.path) }
    source = tensor
    let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    if parts.count == 2, let module = Weight.top[parts[0]], parts[1] == "weight" {
      self.name = "\(module).\(parts[1])"
    } else if parts.count == 4, parts[0] == "blk", let block = Int(parts[1]),
      (0..<shape.layerCount).contains(block), let module = Weight.ofBlocks[parts[2]],
      parts[3] == "weight" || parts[3] == "bias" && GGUFLayers.linear.contains(parts[2])
    {
      self.name = "model.layers.\(block).\(module).\(parts[3])"
      if parts[2] == "attn_q" { interleavedHeads = shape.headCount }
      if parts[2] == "attn_k" { interleavedHeads = shape.keyValueHeadCount }
    } else {
      throw .unsupported(path: gguf.path, what: "tensor \"\(name)\", which no Llama has,")
    }
    if let interleavedHeads, (tensor.shape.first ?? 0) % (2 * interleavedHeads) != 0 {
      throw .damaged(
        path: gguf.path,
        reason: "tensor \"\(name)\" of shape \(tensor.shape) has no \(interleavedHeads) even heads")
    }
  }

  var entry: SafetensorsWriter.Entry { .init(name: name, dtype: .float32, shape: source.shape) }

  func load(from gguf: GGUFFile) throws -> Tensor {
    let tensor = try gguf.tensor(named: source.name)
    guard let heads = interleavedHeads else { return tensor }
    // Row 2i + j of a head is row i of its half j in PyTorch.
    let half = source.shape[0] / heads / 2
    let rowLength = source.shape.dropFirst().reduce(1, *)
    return try Tensor(
      storage: tensor.storage, dtype: .float32, shape: Shape([heads, 2, half, rowLength]),
      strides: [2 * half * rowLength, rowLength, 2 * rowLength, 1])
  }
}
