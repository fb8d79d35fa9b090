import AssayCapture
import AssayComparison
import AssayReplay
import AssayRuns
import AssayTensors
import Foundation
import Testing

@testable import AssayLlama

/// The reference engine, sound and with bugs, against what PyTorch recorded.
@Suite struct LlamaReplayTests {
  private let golden: any RunReader
  private let model: Llama
  private var options = ReplayOptions()

  init() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    golden = try GoldenFile(path: root.appending(path: "Golden/tiny-llama/float32.h5").path).open()
    let checkpoint = try #require(
      golden.manifest.recipe?.checkpointPath(relativeTo: golden.path))
    model = try Llama(checkpoint: checkpoint)
    options.tolerance = try Tolerance(rtol: 1e-4, atol: 1e-5)
  }

  private func replay(_ model: Llama, _ options: ReplayOptions) throws -> RunComparison {
    try Replay.run(golden, options: options) { probe in
      let recipe = try probe.recipe
      try model.generate(from: recipe.tokenIDs, steps: recipe.steps, probe: probe)
    }
  }

  private func failing(_ comparison: RunComparison) -> [String] {
    var seen: Set<String> = []
    return comparison.steps.flatMap(\.modules).filter(\.verdict.isFailure).map(\.call.module)
      .filter { seen.insert($0).inserted }
  }

  enum Bug: String, CaseIterable {
    case weight = "model.layers.2.mlp.down_proj"
    case epsilon = "model.layers.1.input_layernorm"
    case rope = "model.rotary_emb"
    case mask = "model.layers.1.self_attn"

    func plant(in model: inout Llama) {
      switch self {
      case .weight: for i in 880..<1056 { model.layers[2].mlp.downProj.weight.values[i] *= 1.05 }
      case .epsilon: model.layers[1].inputLayernorm.epsilon = 1e-3
      case .rope: model.rotaryEmbedding.base = 20000
      case .mask: model.layers[1].selfAttention.isCausal = false
      }
    }

    /// The module that fails when all run by themselves: what a parent computes between two of its
    /// modules shows at the second.
    var failing: String { self == .mask ? rawValue + ".o_proj" : rawValue }
  }

  @Test(arguments: [false, true])
  func soundModelMatches(isIsolated: Bool) throws {
    var options = options
    options.isIsolated = isIsolated
    let comparison = try replay(model, options)
    #expect(comparison.isMatch, "\(failing(comparison)) \(comparison.failures)")
    #expect(comparison.summary.tensors.compared == 560)
    #expect(comparison.summary.tensors.total == 560)
  }

  @Test(arguments: Bug.allCases)
  func bugIsFoundInItsModule(_ bug: Bug) throws {
    var model = model
    bug.plant(in: &model)
    let comparison = try replay(model, options)
    #expect(!comparison.isMatch)
    #expect(comparison.firstDivergence?.call.module == bug.failing)
  }

  @Test(arguments: Bug.allCases)
  func isolatedEveryOtherModulePasses(_ bug: Bug) throws {
    var model = model
    bug.plant(in: &model)
    var options = options
    options.isIsolated = true
    #expect(try failing(replay(model, options)) == [bug.failing])
  }

  @Test func stopSparesTheRest() throws {
    var model = model
    Bug.epsilon.plant(in: &model)
    var options = options
    options.stopsAtFirstDivergence = true
    let comparison = try replay(model, options)
    #expect(!comparison.isMatch)
    #expect(comparison.firstDivergence?.call.module == Bug.epsilon.rawValue)
    #expect(comparison.steps.count == 1 && comparison.summary.tensors.compared < 60)
  }

  @Test func normsMatchByThemselves() throws {
    let pattern = try ModulePattern(#"\.input_layernorm$"#)
    func compare(_ model: Llama) throws -> RunComparison {
      try ModuleReplay.compare(golden: golden, matching: pattern, options: options) { inputs in
        let hidden = try inputs[0]
        let input = Activation(shape: hidden.shape.dimensions, dtype: .float32) { values in
          for (index, value) in hidden.float32Values().enumerated() { values[index] = value }
        }
        return try model.layers[inputs.index(after: "layers")].inputLayernorm(input)
      }
    }
    let sound = try compare(model)
    #expect(sound.isMatch && sound.summary.modules.total == 4 * model.layers.count)
    var broken = model
    Bug.epsilon.plant(in: &broken)
    #expect(try failing(compare(broken)) == [Bug.epsilon.rawValue])
  }
}
