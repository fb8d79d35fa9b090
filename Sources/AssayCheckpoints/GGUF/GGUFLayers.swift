/// Which tensors the layers of a GGUF file have, and which they lack.
struct GGUFLayers {
  /// The projections of attention, which have biases together.
  static let attention = ["attn_q", "attn_k", "attn_v", "attn_output"]
  /// The projections of the MLP, which have biases together.
  static let mlp = ["ffn_gate", "ffn_up", "ffn_down"]
  /// What may have a bias.
  static let linear = attention + mlp
  private static let norms = ["attn_norm", "ffn_norm"]

  private let gguf: GGUFFile
  private let count: Int

  init(_ gguf: GGUFFile, count: Int) {
    self.gguf = gguf
    self.count = count
  }

  /// Makes sure that no weight is missing.
  func checkWeights() throws(GGUFError) {
    // Ends at the first that is missing, however many layers a file claims.
    for block in 0..<count {
      for part in GGUFLayers.norms + GGUFLayers.linear {
        try check("blk.\(block).\(part).weight")
      }
    }
    try check("output_norm.weight")
  }

  private func check(_ name: String) throws(GGUFError) {
    guard gguf.tensors[name] != nil else { throw .missingTensor(name, path: gguf.path) }
  }

  /// Whether projections have biases: all of them in all layers, or none.
  func hasBiases(of parts: [String]) throws(GGUFError) -> Bool {
    let names = (0..<count).flatMap { block in parts.map { "blk.\(block).\($0).bias" } }
    guard let present = names.first(where: { gguf.tensors[$0] != nil }) else { return false }
    let missing = names.filter { gguf.tensors[$0] == nil }
    guard missing.isEmpty else {
      throw .missingBiases(missing, beside: present, path: gguf.path)
    }
    return true
  }
}
