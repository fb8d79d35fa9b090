import AssayCheckpoints
import Foundation

extension GGUFBytes {
  /// A value of the metadata.
  enum Value {
    case integer(UInt32)
    case number(Float)
    case text(String)
  }

  private mutating func append(_ key: String, _ value: Value) {
    append(key)
    switch value {
    case .integer(let integer):
      append(UInt32(4))
      append(integer)
    case .number(let number):
      append(UInt32(6))
      append(number.bitPattern)
    case .text(let text):
      append(UInt32(8))
      append(text)
    }
  }

  /// A Llama of zeros: one head of 4, a hidden size of 4.
  ///
  /// - Parameters:
  ///   - keys: More keys of the metadata, or others than the usual.
  ///   - factors: The elements of `rope_freqs.weight`.
  ///   - names: More tensors, of 4 elements where they are biases.
  ///   - missing: Tensors that are left out.
  static func llama(
    layers: Int = 1, keys: [String: Value] = [:], factors: [Float]? = nil,
    adding names: [String] = [], without missing: [String] = []
  ) -> Data {
    let usual: [String: Value] = [
      "general.architecture": .text("llama"), "llama.block_count": .integer(UInt32(layers)),
      "llama.context_length": .integer(64), "llama.embedding_length": .integer(4),
      "llama.feed_forward_length": .integer(4), "llama.attention.head_count": .integer(1),
      "llama.attention.layer_norm_rms_epsilon": .number(1e-5),
      "llama.rope.freq_base": .number(500_000),
    ]
    var tensors: [(name: String, shape: [UInt64])] = [
      ("token_embd.weight", [4, 4]), ("output_norm.weight", [4]),
    ]
    for block in 0..<layers {
      for part in GGUFLayersParts.matrices {
        tensors.append(("blk.\(block).\(part).weight", [4, 4]))
      }
      for part in GGUFLayersParts.norms { tensors.append(("blk.\(block).\(part).weight", [4])) }
    }
    tensors += names.map { ($0, $0.hasSuffix(".weight") ? [4, 4] : [4]) }
    tensors.removeAll { missing.contains($0.name) }
    var bytes = GGUFBytes()
    let metadata = usual.merging(keys) { $1 }
    bytes.header(
      tensors: UInt64(tensors.count + (factors == nil ? 0 : 1)), keys: UInt64(metadata.count))
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { bytes.append(key, value) }
    var offset: UInt64 = 0
    for (name, shape) in tensors {
      bytes.append(name)
      bytes.tensor(shape, type: 0, offset: offset)
      offset += 64
    }
    if let factors {
      bytes.append("rope_freqs.weight")
      bytes.tensor([UInt64(factors.count)], type: 0, offset: offset)
    }
    bytes.pad((32 - bytes.data.count % 32) % 32 + Int(offset))
    for factor in factors ?? [] { bytes.append(factor.bitPattern) }
    bytes.pad(32)
    return bytes.data
  }
}

private enum GGUFLayersParts {
  static let matrices = [
    "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down",
  ]
  static let norms = ["attn_norm", "ffn_norm"]
}
