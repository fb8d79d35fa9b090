import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Foundation
import Testing

/// Proposals for the models of ``MappedModelTests``, which PyTorch ran.
@Suite struct MappingSuggestionTests {
  private func open(_ name: String) throws -> any RunReader {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return try openRun(at: folder.appending(path: "Fixtures/mapping/\(name).h5").path)
  }

  private func suggestion(actual: any RunReader, expected: any RunReader) throws -> String {
    guard case .rules(let yaml) = try MappingSuggestion(actual: actual, expected: expected) else {
      throw ComparisonError.cannotCalibrate(reason: "nothing was suggested")
    }
    return yaml
  }

  /// All that is proposed is right: every tensor that it pairs matches.
  @Test(arguments: [("fused", "separate"), ("separate", "fused")])
  func proposalsPairWhatIsTheSame(_ actual: String, _ expected: String) throws {
    let (actual, expected) = (try open(actual), try open(expected))
    let yaml = try suggestion(actual: actual, expected: expected)
    let options = ComparisonOptions(
      tolerance: try Tolerance(rtol: 1e-4, atol: 1e-5), mapping: try Mapping(yaml: yaml))
    let comparison = try RunComparison.compare(
      actual: actual, expected: expected, options: options)
    let tensors = comparison.summary.tensors
    #expect(tensors.matched > 40 && tensors.mismatched == 0, "\(tensors)\n\(yaml)")
    #expect(comparison.mapping?.rules.contains { $0.count == 0 } == false, "\(yaml)")
  }

  @Test func numbersBecomeGroupsAndFusedProjectionsAreJoined() throws {
    let yaml = try suggestion(actual: open("fused"), expected: open("separate"))
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
    let found = try MappingSuggestion(actual: open("fused"), expected: open("fused-bug"))
    guard case .nothing(let reason) = found else {
      Issue.record("\(found)")
      return
    }
    #expect(reason.contains("have the same names in both runs"), "\(reason)")
  }

  @Test func whatABugMadeUnlikeIsNotLeftOut() throws {
    let (actual, expected) = (try open("fused-bug"), try open("separate"))
    let yaml = try suggestion(actual: actual, expected: expected)
    #expect(yaml.contains("# only in the actual run: blocks.1.attn, blocks.1.attn.qkv_proj"))
    let options = ComparisonOptions(
      tolerance: try Tolerance(rtol: 1e-4, atol: 1e-5), mapping: try Mapping(yaml: yaml))
    let comparison = try RunComparison.compare(
      actual: actual, expected: expected, options: options)
    #expect(comparison.summary.tensors.missingInActual > 0)
  }

  private func reason(_ actual: InMemoryRun, _ expected: InMemoryRun) throws -> String {
    guard case .nothing(let reason) = try MappingSuggestion(actual: actual, expected: expected)
    else { return "something was suggested" }
    return reason
  }

  @Test func nothingIsSuggestedWithAReason() throws {
    let here = try run("a", [("x", [("outputs", [1, 2, 3])])])
    let later = try run("e", step: 3, [("x", [("outputs", [1, 2, 3])])])
    #expect(try reason(here, later).contains("no step in common"))
    let other = try run("e", [("y", [("outputs", [7, -2])]), ("z", [("outputs", [5])])])
    let unlike = try reason(here, other)
    #expect(
      unlike.contains("1 in the actual run (x) and 2 in the expected run (y, z)"), "\(unlike)")
    let twins = try run("e", [("y", [("outputs", [1, 2, 3])]), ("z", [("outputs", [1, 2, 3])])])
    #expect(try reason(here, twins).contains("x is like"))
  }

  private func yaml(_ actual: InMemoryRun, _ expected: InMemoryRun) throws -> String {
    let yaml = try suggestion(actual: actual, expected: expected)
    let options = ComparisonOptions(tolerance: .exact, mapping: try Mapping(yaml: yaml))
    let comparison = try compare(actual, expected, options)
    #expect(comparison.isMatch, "\(comparison.failures)\n\(yaml)")
    return yaml
  }

  private func counted(_ dimensions: [Int]) throws -> Tensor {
    let shape = try Shape(dimensions)
    return try Tensor(
      (0..<shape.elementCount).map { Float($0 * $0 % 37) }, dtype: .float32, shape: shape)
  }

  @Test func anAxisOfOneIsTakenOutOfAWholeRun() throws {
    var (actual, expected) = (InMemoryRun(path: "a"), InMemoryRun(path: "e"))
    for name in ["x", "y"] {
      actual.add(try counted([3, 4]), name, "outputs")
      expected.add(try counted([1, 3, 4]), name, "outputs")
    }
    let whole = try yaml(actual, expected)
    #expect(whole.hasSuffix("defaults:\n  expected_transform: [{squeeze: 0}]\n"), "\(whole)")
    // Not where another tensor pairs as it is.
    actual.add(try counted([1, 4]), "z", "outputs")
    expected.add(try counted([1, 4]), "z", "outputs")
    let single = try yaml(actual, expected)
    #expect(
      single.contains(
        "{actual: 'x', expected: 'x', slot: 'outputs', expected_transform: [{squeeze: 0}]}"),
      "\(single)")
    #expect(!single.contains("defaults"))
  }

  /// In the order of `x.T`, and of `x.view(3, 1, 2, 4).transpose(2, 3).reshape(3, 8)` in PyTorch.
  @Test func anotherOrderOfAxesIsMended() throws {
    var (actual, expected) = (InMemoryRun(path: "a"), InMemoryRun(path: "e"))
    let values = try counted([3, 8]).float32Values()
    let swapped = (0..<8).flatMap { column in (0..<3).map { values[$0 * 8 + column] } }
    let paired = (0..<3).flatMap { row in
      [0, 4, 1, 5, 2, 6, 3, 7].map { values[row * 8 + $0] }
    }
    actual.add(try Tensor(swapped, dtype: .float32, shape: Shape([8, 3])), "t", "outputs")
    expected.add(try counted([3, 8]), "t", "outputs")
    actual.add(try Tensor(paired, dtype: .float32, shape: Shape([3, 8])), "q", "outputs")
    expected.add(try counted([3, 8]), "q", "outputs")
    let text = try yaml(actual, expected)
    #expect(
      text.contains(
        "{actual: 't', expected: 't', slot: 'outputs', actual_transform: [{transpose: [0, 1]}]}"),
      "\(text)")
    #expect(
      text.contains(
        "[{reshape: [-1, 1, 4, 2]}, {transpose: [-1, -2]}, {reshape: [-1, 8]}]"), "\(text)")
    // The report says so too.
    let notes = try compare(actual, expected).notes
    #expect(
      notes.contains {
        $0.contains("t outputs on cpu of the actual run") && $0.contains("axes 0 and 1 swapped")
      })
    #expect(
      notes.contains {
        $0.contains(
          "q outputs on cpu of the actual run is that of the expected run with each 8 entries of "
            + "its last axis in pairs, (x0, y0, x1, y1)") && $0.contains("{reshape: [-1, 1, 4, 2]}")
      }, "\(notes)")
  }

  @Test func aModuleThatOneRunAloneHasIsLeftOut() throws {
    let actual = try run(
      "a",
      [
        ("h.0.m", [("outputs_0", [1, 2, 3])]), ("h.0.rope", [("outputs", [5, 6])]),
        ("h.1.rope", [("outputs", [6, 6.5])]),
      ])
    let expected = try run("e", [("h.0.m", [("outputs", [1, 2, 3])])])
    #expect(try yaml(actual, expected).contains(#"- {drop: actual, module: 'h\.\d+\.rope'}"#))
  }

  /// Slots of one module that only one run has: alike ones pair, others are left out.
  @Test func slotsOfOneModuleArePairedOrLeftOut() throws {
    let actual = try run(
      "a",
      [
        ("h.3.m", [("inputs_x", [1, 2, 3]), ("inputs_scale", [5, 6]), ("outputs", [4])]),
        ("h.4.m", [("inputs_x", [2, 1, 3]), ("inputs_scale", [5, 6]), ("outputs", [4])]),
      ])
    let expected = try run(
      "e",
      [
        ("h.3.m", [("inputs_0", [1, 2, 3]), ("outputs", [4])]),
        ("h.4.m", [("inputs_0", [2, 1, 3]), ("outputs", [4])]),
      ])
    let yaml = try suggestion(actual: actual, expected: expected)
    #expect(
      yaml.contains(
        #"- {actual: 'h\.(\d+)\.m', expected: 'h.\1.m', slot: 'inputs_x', expected_slot: 'inputs_0'}"#
      ),
      "\(yaml)")
    #expect(
      yaml.contains(
        #"- {drop: both, module: 'h\.\d+\.m', slot: 'inputs_scale'}  # only the actual run has it"#),
      "\(yaml)")
    let options = ComparisonOptions(tolerance: .exact, mapping: try Mapping(yaml: yaml))
    #expect(try compare(actual, expected, options).isMatch)
  }
}
