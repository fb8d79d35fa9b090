import AssayComparison
import AssayRuns
import AssayTensors
import Foundation
import Testing

/// The first divergence between models that PyTorch ran, one with fused projections.
@Suite struct MappedModelTests {
  private func open(_ name: String) throws -> any RunReader {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return try openRun(at: folder.appending(path: "Fixtures/mapping/\(name).h5").path)
  }

  private func options(without: [String] = []) throws -> ComparisonOptions {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/mapping/mapping.yml")
    var text = try String(contentsOf: file, encoding: .utf8)
    for line in without {
      #expect(text.contains(line))
      text = text.replacing(line, with: "")
    }
    return ComparisonOptions(
      tolerance: try Tolerance(rtol: 1e-4, atol: 1e-5), mapping: try Mapping(yaml: text))
  }

  @Test func bothModelsAgree() throws {
    let comparison = try RunComparison.compare(
      actual: open("fused"), expected: open("separate"), options: options())
    #expect(comparison.isMatch)
    #expect(comparison.summary.tensors.total == 64)
    #expect(comparison.summary.tensors.compared == 64)
    // q, k and v of 6 tokens in 16, 8 and 8 channels; gate and up in 20; and so on.
    #expect(comparison.summary.elements.compared == 5334)
    #expect(comparison.mapping?.dropped.count == 18)
    #expect(comparison.notes.isEmpty)
    let k = comparison.tensor("model.layers.1.self_attn.k_proj", "outputs")
    #expect(k?.shape == (try Shape([6, 8])))
    #expect(k?.pairing?.actual.module == "blocks.1.attn.qkv_proj")
    #expect(k?.pairing?.actual.operations == ["part 2 of 3 along axis -1"])
    #expect(k?.pairing?.expected.operations == ["squeeze(0)"])
  }

  @Test func aBugInAFusedProjectionIsLocatedInItsPart() throws {
    let comparison = try RunComparison.compare(
      actual: open("fused-bug"), expected: open("separate"), options: options())
    #expect(!comparison.isMatch)
    let divergence = try #require(comparison.firstDivergence)
    #expect(divergence.call.module == "model.layers.1.self_attn.k_proj")
    #expect(divergence.origin.cause == .introduced)
    #expect(comparison.introduced.map(\.module) == ["model.layers.1.self_attn.k_proj"])
    // Row 2 of the k projection is channel 2 of its output.
    #expect((divergence.tensor.difference?.firstMismatchIndex).map { $0 % 8 } == 2)
    #expect(
      comparison.module("model.layers.1.self_attn")?.origin?.inside?.module
        == "model.layers.1.self_attn.k_proj")
    #expect(comparison.module("model.layers.1.self_attn.q_proj")?.verdict == .match)
    #expect(comparison.module("model.layers.1.self_attn.v_proj")?.verdict == .match)
  }

  @Test func theModulesStandInTheExpectedOrder() throws {
    let comparison = try RunComparison.compare(
      actual: open("fused"), expected: open("separate"), options: options())
    let names = comparison.steps[0].modules.map(\.call.module)
    #expect(
      names.filter { $0.hasPrefix("model.layers.0.") || $0 == "model.layers.0" } == [
        "model.layers.0.input_layernorm", "model.layers.0.self_attn.q_proj",
        "model.layers.0.self_attn.k_proj", "model.layers.0.self_attn.v_proj",
        "model.layers.0.self_attn.o_proj", "model.layers.0.self_attn",
        "model.layers.0.post_attention_layernorm", "model.layers.0.mlp.gate_proj",
        "model.layers.0.mlp.up_proj", "model.layers.0.mlp.down_proj", "model.layers.0.mlp",
        "model.layers.0",
      ])
  }

  /// The bug is found the other way round too: its parts are then the actual run's modules.
  @Test func theFusedModelMayBeTheExpectedOne() throws {
    let rules = #"""
      rules:
        - {expected: 'blocks\.(\d+)\.attn\.qkv_proj', concatenate: -1, actual_transform: [{squeeze: 0}], actual: ['model.layers.\1.self_attn.q_proj', 'model.layers.\1.self_attn.k_proj', 'model.layers.\1.self_attn.v_proj']}
        - {drop: actual, module: '(?!.*\.[qkv]_proj).*'}
        - {drop: expected, module: '(?!.*qkv_proj).*'}
      """#
    let options = ComparisonOptions(
      tolerance: try Tolerance(rtol: 1e-4, atol: 1e-5), mapping: try Mapping(yaml: rules))
    let match = try RunComparison.compare(
      actual: open("separate"), expected: open("fused"), options: options)
    #expect(match.isMatch)
    #expect(match.summary.tensors.compared == 12)
    let comparison = try RunComparison.compare(
      actual: open("separate"), expected: open("fused-bug"), options: options)
    #expect(comparison.introduced.map(\.module) == ["model.layers.1.self_attn.k_proj"])
  }

  @Test func withoutADropRuleTheRestIsMissing() throws {
    let comparison = try RunComparison.compare(
      actual: open("fused"), expected: open("separate"),
      options: options(without: [
        "  - {drop: expected, module: 'model\\.layers\\.\\d+\\.mlp\\.act_fn'}\n"
      ]))
    #expect(!comparison.isMatch)
    #expect(comparison.summary.tensors.missingInActual == 4)
    #expect(comparison.summary.tensors.matched == 64)
  }
}
