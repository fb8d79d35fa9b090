import AssayComparison
import AssayRuns
import AssayTensors
import Foundation
import Testing

/// Runs that PyTorch recorded, some of them of a model that was broken on purpose.
@Suite struct GoldenComparisonTests {
  private func open(_ name: String) throws -> any RunReader {
    var root = URL(filePath: #filePath)
    for _ in 0..<4 { root.deleteLastPathComponent() }
    return try openRun(at: root.appending(path: "Golden/tiny-llama/\(name)").path)
  }

  @Test(arguments: [
    ("weight-row", "model.layers.2.mlp.down_proj"),
    ("norm-epsilon", "model.layers.1.input_layernorm"),
    ("rope-theta", "model.rotary_emb"),
  ])
  func bugIsIntroducedWhereItWasMade(bug: String, module: String) throws {
    let comparison = try RunComparison.compare(
      actual: open("bugs/\(bug).h5"), expected: open("float32.h5"))
    #expect(!comparison.isMatch)
    #expect(comparison.firstDivergence?.call == CallKey(step: 0, module: module))
    #expect(comparison.firstDivergence?.origin.cause == .introduced)
    #expect(
      comparison.introduced
        == (0..<4).map { CallKey(step: $0, module: module) })
  }

  @Test(arguments: ["float32", "bfloat16"])
  func bothLayoutsHoldTheSame(dtype: String) throws {
    let comparison = try RunComparison.compare(
      actual: open(dtype), expected: open("\(dtype).h5"), options: .init(tolerance: .exact))
    #expect(comparison.isMatch)
    #expect(comparison.summary.tensors.compared == 560)
  }

  @Test func anotherAttentionKernelIsBornInsideSelfAttention() throws {
    let comparison = try RunComparison.compare(
      actual: open("float32-math.h5"), expected: open("float32.h5"),
      options: .init(tolerance: .exact))
    let origin = try #require(comparison.firstDivergence?.origin)
    #expect(
      origin.birthplace?.description
        == "inside model.layers.0.self_attn, after v_proj, before o_proj")
    #expect(comparison.introduced.first?.module == "model.layers.0.self_attn")
  }

  @Test func anotherDTypeIsBornAtTheEmbedding() throws {
    let comparison = try RunComparison.compare(
      actual: open("bfloat16.h5"), expected: open("float32.h5"))
    #expect(comparison.firstDivergence?.call.module == "model.embed_tokens")
    #expect(comparison.firstDivergence?.tensor.verdict == .dtype)
    #expect(comparison.firstDivergence?.tensor.difference != nil)
  }
}
