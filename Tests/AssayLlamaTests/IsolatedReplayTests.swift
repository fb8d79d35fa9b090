import AssayCapture
import AssayRuns
import AssayTensors
import Foundation
import Synchronization
import Testing

@testable import AssayLlama

/// The engine against `Golden/tiny-llama/float32.h5`, each module on the golden's own inputs.
@Suite struct IsolatedReplayTests {
  private let golden: HDF5RunReader

  init() throws { golden = try HDF5RunReader(path: GoldenRun.directory + "/float32.h5") }

  /// The keys that fail, without their steps, of a replay of the whole golden.
  private func failures(_ change: (inout Llama) -> Void = { _ in }) throws -> Set<String> {
    var model = try Llama(checkpoint: GoldenRun.checkpoint)
    change(&model)
    let recipe = try #require(golden.manifest.recipe)
    let run = try CollectedRun(
      of: model, from: recipe.tokenIDs, steps: recipe.steps, substituting: GoldenSource(golden))
    // The golden's logits choose the tokens, whatever the model computed.
    #expect(run.tokens == recipe.generatedTokenIDs)
    let keys = golden.steps.flatMap(\.calls).flatMap(\.tensors).map(\.key)
    #expect(keys.count == 560 && Set(keys) == Set(run.tensors.keys))
    var failing: [String: Set<Int>] = [:]
    for key in keys {
      let actual = try #require(run.tensors[key])
      if Excess(actual, try golden.tensor(key), rtol: 1e-4, atol: 1e-5).worst > 1 {
        failing["\(key.module) \(key.slot)", default: []].insert(key.step)
      }
    }
    return Set(failing.keys)
  }

  @Test func everyModuleMatches() throws {
    #expect(try failures().isEmpty)
  }

  @Test func aChangedWeightFailsItsModuleOnly() throws {
    #expect(
      try failures { $0.layers[2].mlp.downProj.weight.values[5 * 176] += 1 }
        == ["model.layers.2.mlp.down_proj outputs"])
  }

  @Test func aChangedNormFailsItsModuleOnly() throws {
    #expect(
      try failures { $0.layers[1].inputLayernorm.epsilon = 1e-3 }
        == ["model.layers.1.input_layernorm outputs"])
  }

  @Test func otherFrequenciesFailTheRotaryEmbeddingOnly() throws {
    #expect(
      try failures { $0.rotaryEmbedding.base = 20000 }
        == ["model.rotary_emb outputs_0", "model.rotary_emb outputs_1"])
  }

  /// The mask is attention's own code, so it shows in what attention gives its last child.
  @Test func aMissingMaskShowsInTheNextChildsInputs() throws {
    #expect(
      try failures { $0.layers[3].selfAttention.isCausal = false }
        == ["model.layers.3.self_attn.o_proj inputs_0"])
  }

  @Test func valuesOfAnotherKindDoNotFit() throws {
    let activation = try Fixture.activation("rounding.input", .bfloat16)
    let same = try activation.replaced(by: try activation.tensor())
    #expect(same.values.map(\.bitPattern) == activation.values.map(\.bitPattern))
    let count = activation.values.count
    let wide = try Tensor(
      [Double](repeating: 1 / 3, count: count), dtype: .float64, shape: Shape(activation.shape))
    #expect(try activation.replaced(by: wide).values.allSatisfy { $0 == 0x1.56p-2 })
    let flat = try Tensor([0] as [Float], dtype: .float32, shape: Shape([1, 1, 1]))
    let integers = try Tensor(
      [Int64](repeating: 0, count: count), dtype: .int64, shape: Shape(activation.shape))
    let tokens = TokenVector(values: [3, 4])
    let ids = try Tensor([-1, 9] as [Int64], dtype: .int64, shape: Shape([1, 2]))
    for other in [flat, integers] {
      #expect(throws: CaptureError.self) { try activation.replaced(by: other) }
      #expect(throws: CaptureError.self) { try tokens.replaced(by: other) }
    }
    #expect(try tokens.replaced(by: ids).values == [-1, 9])
  }
}

/// The tensors of a golden, where it has them.
private final class GoldenSource: TensorSource {
  private let golden: HDF5RunReader
  private let keys: Set<TensorKey>

  init(_ golden: HDF5RunReader) {
    self.golden = golden
    keys = Set(golden.steps.flatMap(\.calls).flatMap(\.tensors).map(\.key))
  }

  func tensor(of call: CallKey, slot: Slot, device: Device) throws -> Tensor? {
    let key = TensorKey(call, device: device, slot: slot)
    return keys.contains(key) ? try golden.tensor(key) : nil
  }
}
