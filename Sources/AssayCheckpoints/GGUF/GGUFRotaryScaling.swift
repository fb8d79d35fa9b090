import AssayBase
import AssayRuns
import AssayTensors
import Foundation

/// The rotary embedding of a GGUF file, in the words of Hugging Face's `rope_parameters`.
struct GGUFRotaryScaling {
  /// The tensor by whose elements llama.cpp divides the frequencies.
  static let factorsName = "rope_freqs.weight"

  private let gguf: GGUFFile
  private let metadata: GGUFMetadata

  init(_ gguf: GGUFFile, _ metadata: GGUFMetadata) {
    self.gguf = gguf
    self.metadata = metadata
  }

  /// The object `rope_parameters`.
  ///
  /// - Throws: ``GGUFError/unsupported(path:what:)`` for a scaling that it cannot say.
  func parameters(headDimension: Int) throws(GGUFError) -> JSONValue {
    let base = try metadata.number("llama.rope.freq_base") ?? 10000
    guard base > 0 else { throw metadata.invalid("llama.rope.freq_base", "is not above 0") }
    if let factor = try metadata.number("llama.rope.scaling.attn_factor"), factor != 1 {
      throw unsupported("an attention factor of the rotary embedding (\(factor))")
    }
    var members: [String: JSONValue] = ["rope_type": .string("default")]
    let linear = try linearFactor()
    if let linear { members = ["rope_type": .string("linear"), "factor": .number(linear)] }
    if gguf.tensors[GGUFRotaryScaling.factorsName] != nil {
      guard linear ?? 1 == 1 else {
        throw unsupported("linear scaling of the rotary embedding beside \"rope_freqs.weight\"")
      }
      members = try llama3(base: base, headDimension: headDimension)
    }
    members["rope_theta"] = .number(base)
    return .object(members)
  }

  private func unsupported(_ what: String) -> GGUFError {
    .unsupported(path: gguf.path, what: what)
  }

  /// By what positions are divided, as llama.cpp reads it: a factor without a type is linear, and 0
  /// stands for none.
  private func linearFactor() throws(GGUFError) -> Double? {
    let type = try metadata.string("llama.rope.scaling.type") ?? "linear"
    if type == "none" { return nil }
    guard type == "linear" else { throw unsupported("\(type) scaling of the rotary embedding") }
    for key in ["llama.rope.scaling.factor", "llama.rope.scale_linear"] {
      guard let factor = try metadata.number(key) else { continue }
      guard factor >= 0 else { throw metadata.invalid(key, "is below 0") }
      return factor == 0 ? nil : factor
    }
    guard metadata.values["llama.rope.scaling.type"] == nil else {
      throw metadata.invalid("llama.rope.scaling.factor", "is missing, and the scaling is linear")
    }
    return nil
  }

  /// The parameters of Llama 3's rule that give the factors which the file holds instead.
  private func llama3(
    base: Double, headDimension: Int
  ) throws(GGUFError) -> [String: JSONValue] {
    let name = GGUFRotaryScaling.factorsName
    let tensor = try gguf.tensor(named: name)
    guard tensor.shape.dimensions == [headDimension / 2] else {
      throw .damaged(
        path: gguf.path,
        reason: "tensor \"\(name)\" has the shape \(tensor.shape), not [\(headDimension / 2)]")
    }
    let factors = tensor.float64Values()
    if factors.allSatisfy({ $0 == 1 }) { return ["rope_type": .string("default")] }
    let known = try metadata.size("llama.rope.scaling.original_context_length")
    guard
      let scaling = Llama3Scaling.fitted(
        to: factors, base: base, originalMaximumPositions: known)
    else {
      throw unsupported("the tensor \"\(name)\", whose factors follow no rule of Llama 3,")
    }
    return [
      "rope_type": .string("llama3"), "factor": .number(scaling.factor),
      "low_freq_factor": .number(scaling.lowFrequencyFactor),
      "high_freq_factor": .number(scaling.highFrequencyFactor),
      "original_max_position_embeddings": .integer(Int64(scaling.originalMaximumPositions)),
    ]
  }
}
