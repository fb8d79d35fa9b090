import AssayBase
import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

/// What the runs were given from the start.
@Suite struct OtherInputsTests {
  private func run(_ path: String, tokens: [Float], isDeep: Bool = true) throws -> InMemoryRun {
    var run = InMemoryRun(path: path)
    run.begin("model")
    run.add(
      try Tensor(tokens, dtype: .float32, shape: Shape([1, tokens.count])), "model.embed",
      "inputs_0")
    for (module, slot) in [
      ("model.embed", "outputs"), ("model.head", "inputs_0"), ("model.head", "outputs"),
      ("model", "outputs"),
    ] {
      run.add(
        try Tensor(tokens.map { $0 + 1 }, dtype: .float32, shape: Shape([1, tokens.count])), module,
        slot)
    }
    return run
  }

  @Test func otherValuesAreOtherInputs() throws {
    let comparison = try compare(run("A", tokens: [1, 2]), run("B", tokens: [1, 3]))
    let other = try #require(comparison.otherInputs)
    #expect(other.call.module == "model.embed")
    #expect(other.tensors.map(\.slot.rawValue) == ["inputs_0"])
  }

  @Test func otherLengthIsOtherInputsAndLaterStepsFollow() throws {
    var (actual, expected) = (try run("A", tokens: [1, 2, 3]), try run("B", tokens: [1, 3]))
    actual.add(try rows([1]), step: 1, "model.embed", "inputs_0")
    expected.add(try rows([2]), step: 1, "model.embed", "inputs_0")
    let comparison = try compare(actual, expected)
    #expect(comparison.otherInputs?.call.module == "model.embed")
    #expect(comparison.firstDivergence?.call.step == 0)
    #expect(comparison.firstDivergence?.tensor.verdict == .shape)
  }

  @Test func modulesThatWereLeftOutMayHaveMadeThem() throws {
    var options = ComparisonOptions()
    options.modules = [try ModulePattern("head")]
    let (actual, expected) = (try run("A", tokens: [1, 2]), try run("B", tokens: [1, 3]))
    #expect(try compare(actual, expected, options).otherInputs == nil)
    var filtered = actual
    filtered.manifest.configuration = .object(["module_call_match": .array([.string("head")])])
    #expect(try compare(filtered, expected).otherInputs == nil)
  }

  @Test func inputsThatSomethingMadeAreNotTheRunsInputs() throws {
    let comparison = try compare(
      AssayComparisonTests.run(
        "A", [("a", [("inputs_0", [1]), ("outputs", [2])]), ("b", [("inputs_0", [3])])]),
      AssayComparisonTests.run(
        "B", [("a", [("inputs_0", [1]), ("outputs", [2])]), ("b", [("inputs_0", [4])])]))
    #expect(comparison.otherInputs == nil)
    #expect(comparison.firstDivergence?.origin.birthplace?.description == "after a, before b")
  }
}

/// Calls that only one run made, where the error is born.
@Suite struct LoneCallTests {
  @Test func callInThePlaceOfAnotherIsNamed() throws {
    func run(_ path: String, isActual: Bool) throws -> InMemoryRun {
      var run = InMemoryRun(path: path)
      try run.add([
        ("block", [("inputs_0", [1, 1])]),
        ("block.ln1", [("inputs_0", [1, 1]), ("outputs", [2, 1])]),
        ("block.attn", [("inputs_0", [2, 1]), ("outputs", [3, 1])]),
      ])
      let made: Float = isActual ? 5 : 4
      run.add(
        try rows([3, 1]), isActual ? "block.ln1" : "block.ln2", call: isActual ? 1 : 0, "inputs_0")
      run.add(
        try rows([made, 1]), isActual ? "block.ln1" : "block.ln2", call: isActual ? 1 : 0, "outputs"
      )
      try run.add([("block.mlp", [("inputs_0", [made, 1]), ("outputs", [made, 2])])])
      run.add(try rows([made, 3]), "block", "outputs")
      return run
    }
    let comparison = try compare(run("A", isActual: true), run("B", isActual: false))
    let divergence = try #require(comparison.firstDivergence)
    #expect(divergence.call.module == "block.mlp")
    #expect(divergence.birthCall?.module == "block")
    let lone = try #require(divergence.origin.birthplace?.loneCalls)
    #expect(
      lone.map(\.call.module) == ["block.ln1", "block.ln2"]
        || lone.map(\.call.module) == ["block.ln2", "block.ln1"])
    #expect(
      divergence.origin.birthplace?.description
        == "inside block, after attn, before mlp, where only the expected run calls ln2 and only "
        + "the actual run calls ln1 (call 1)")
    #expect(comparison.introduced.map(\.module) == ["block"])
  }
}
