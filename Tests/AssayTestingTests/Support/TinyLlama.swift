import Assay
import Foundation

@testable import AssayLlama

/// The reference engine on the repository's small Llama, with a bug in one layer or without.
struct TinyLlama: Sendable {
  private var model: Llama

  static let goldens = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Golden").path

  /// Where its goldens are; replays of them must never record.
  static let environment = ["ASSAY_GOLDEN_DIR": goldens, "ASSAY_RECORD": "never"]

  /// Another library's float32 kernels sum in another order.
  static var tolerance: Tolerance {
    (try? Tolerance(rtol: 1e-4, atol: 1e-5)) ?? .vllm
  }

  enum Bug: String, CaseIterable, Sendable {
    case weight = "model.layers.2.mlp.down_proj"
    case epsilon = "model.layers.1.input_layernorm"
    case rope = "model.rotary_emb"
    case mask = "model.layers.1.self_attn"

    /// What an attention computes between its modules shows at the module that gets it.
    var failingByItself: String { self == .mask ? rawValue + ".o_proj" : rawValue }
  }

  init(_ bug: Bug? = nil) throws {
    model = try Llama(checkpoint: Self.goldens + "/tiny-llama/checkpoint")
    switch bug {
    case .weight: model.layers[2].mlp.downProj.weight.values[880] += 0.5
    case .epsilon: model.layers[1].inputLayernorm.epsilon = 1e-3
    case .rope: model.rotaryEmbedding.base = 20000
    case .mask: model.layers[1].selfAttention.isCausal = false
    case nil: break
    }
  }

  /// Generates as the golden's recipe says.
  func run(_ probe: Probe) throws {
    let recipe = try probe.recipe
    try model.generate(from: recipe.tokenIDs, steps: recipe.steps, probe: probe)
  }

  /// Runs a layer's first norm on the inputs that a golden gives.
  func inputNorm(_ inputs: ModuleInputs) throws -> Tensor {
    let hidden = try inputs[0]
    let values = hidden.float32Values()
    let activation = Activation(shape: hidden.shape.dimensions, dtype: .float32) { result in
      _ = result.update(fromContentsOf: values)
    }
    let norm = try model.layers[inputs.index(after: "layers")].inputLayernorm
    return try norm(activation).tensor()
  }
}
