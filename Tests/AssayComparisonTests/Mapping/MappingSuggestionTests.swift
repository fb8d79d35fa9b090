import AssayComparison
import AssayRuns
import AssayTensors
import Foundation
import Testing

/// Proposals for the models of ``MappedModelTests``, which PyTorch ran.
@Suite struct MappingSuggestionTests {
  private func open(_ name: String) throws -> any RunReader {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return try RunLocation.open(folder.appending(path: "Fixtures/mapping/\(name).h5").path)
  }

  /// All that is proposed is right: every tensor that it pairs matches.
  @Test(arguments: [("fused", "separate"), ("separate", "fused")])
  func proposalsPairWhatIsTheSame(_ actual: String, _ expected: String) throws {
    let (actual, expected) = (try open(actual), try open(expected))
    let yaml = try MappingSuggestion.yaml(actual: actual, expected: expected)
    let options = ComparisonOptions(
      tolerance: try Tolerance(rtol: 1e-4, atol: 1e-5), mapping: try Mapping(yaml: yaml))
    let comparison = try RunComparison.compare(
      actual: actual, expected: expected, options: options)
    let tensors = comparison.summary.tensors
    #expect(tensors.matched > 40 && tensors.mismatched == 0, "\(tensors)\n\(yaml)")
    #expect(comparison.mapping?.rules.contains { $0.count == 0 } == false, "\(yaml)")
  }

  @Test func numbersBecomeGroupsAndFusedProjectionsAreJoined() throws {
    let yaml = try MappingSuggestion.yaml(actual: open("fused"), expected: open("separate"))
    #expect(
      yaml.contains(
        #"""
        {actual: 'blocks\.(\d+)\.attn\.qkv_proj', expected: ['model.layers.\1.self_attn.q_proj', 'model.layers.\1.self_attn.k_proj', 'model.layers.\1.self_attn.v_proj'], concatenate: -1
        """#), "\(yaml)")
    #expect(
      yaml.contains(
        #"{actual: 'blocks\.(\d+)\.attn\.wo', expected: 'model.layers.\1.self_attn.o_proj'"#),
      "\(yaml)")
  }

  /// A bug is not explained away: what differs by it is not proposed as a pair of others.
  @Test func runsOfOneModelNeedNoRules() throws {
    let yaml = try MappingSuggestion.yaml(actual: open("fused"), expected: open("fused-bug"))
    #expect(yaml.contains("rules: []"))
  }
}
