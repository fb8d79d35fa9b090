import Assay
import NDArrays

extension DigitReader {
  /// A tensor that the checkpoint lacks.
  public struct MissingWeight: Error { public let name: String }

  /// - Parameter path: A safetensors file with PyTorch's names.
  public init(weights path: String) throws {
    let file = try SafetensorsFile(path: path)
    let tensors = Dictionary(uniqueKeysWithValues: file.tensors.map { ($0.name, $0.tensor) })
    func array(_ name: String) throws -> NDArray {
      guard let tensor = tensors[name] else { throw MissingWeight(name: name) }
      return NDArray(tensor)
    }
    func linear(_ name: String) throws -> Linear {
      try Linear(weight: array(name + ".weight"), bias: array(name + ".bias"))
    }
    func norm(_ name: String) throws -> LayerNorm {
      try LayerNorm(weight: array(name + ".weight"), bias: array(name + ".bias"))
    }
    try self.init(
      patchEmbed: linear("patch_embed"), classToken: array("cls_token"),
      positions: array("pos_embed"),
      blocks: (0..<2).map { index in
        let block = "blocks.\(index)."
        return try Block(
          norm1: norm(block + "norm1"),
          attention: Attention(qkv: linear(block + "attn.qkv"), proj: linear(block + "attn.proj")),
          norm2: norm(block + "norm2"),
          mlp: MLP(fc1: linear(block + "mlp.fc1"), fc2: linear(block + "mlp.fc2")))
      }, norm: norm("norm"), head: linear("head"))
  }
}
