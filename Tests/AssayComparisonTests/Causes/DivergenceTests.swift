import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

/// Two layers of a decoder, small enough to break by hand.
private enum Layers {
  /// The calls with every slot's value; `changes` replaces some, by `module slot`.
  static func calls(_ changes: [String: Float] = [:], keywords: Bool = true) -> [Call] {
    func call(_ module: String, _ slots: (String, Float)...) -> Call {
      (
        module,
        slots.filter { keywords || !$0.0.hasPrefix("inputs_hidden") }
          .map { slot, value in (slot, [changes["\(module) \(slot)"] ?? value, 1]) }
      )
    }
    return [
      call("rotary", ("inputs_0", 1), ("outputs_0", 2)),
      call("layers.0", ("inputs_0", 1), ("outputs", 8)),
      call("layers.0.attn", ("inputs_hidden_states", 1), ("outputs_0", 5)),
      call("layers.0.attn.q", ("inputs_0", 1), ("outputs", 2)),
      call("layers.0.attn.v", ("inputs_0", 1), ("outputs", 3)),
      call("layers.0.attn.o", ("inputs_0", 4), ("outputs", 5)),
      call("layers.0.norm", ("inputs_0", 6), ("outputs", 7)),
      call("layers.0.mlp", ("inputs_0", 7), ("outputs", 1)),
      call("layers.0.mlp.up", ("inputs_0", 7), ("outputs", 2)),
      call("layers.0.mlp.down", ("inputs_0", 2), ("outputs", 1)),
      call("head", ("inputs_0", 8), ("outputs", 9)),
    ]
  }

  static func comparison(
    _ changes: [String: Float], keywords: Bool = true
  ) throws -> RunComparison {
    try compare(
      run("A", calls(changes, keywords: keywords)), run("B", calls(keywords: keywords)))
  }
}

@Suite struct DivergenceTests {
  @Test func changedWeightIsIntroducedWhereItIs() throws {
    let comparison = try Layers.comparison([
      "layers.0.mlp.down outputs": 1.5, "layers.0.mlp outputs": 1.5, "layers.0 outputs": 8.5,
      "head inputs_0": 8.5, "head outputs": 10,
    ])
    let divergence = try #require(comparison.firstDivergence)
    #expect(divergence.call == CallKey(step: 0, module: "layers.0.mlp.down"))
    #expect(divergence.tensor.slot.rawValue == "outputs")
    #expect(divergence.origin.cause == .introduced)
    #expect(divergence.origin.inputError == 0)
    #expect(divergence.origin.growth == nil)
    // Its ancestors contain the error, the rest is handed it.
    #expect(comparison.introduced.map(\.module) == ["layers.0.mlp.down"])
    #expect(comparison.module("layers.0.mlp")?.origin?.inside == divergence.call)
    #expect(comparison.module("layers.0")?.origin?.cause == .inherited)
    #expect(comparison.module("head")?.origin?.cause == .inherited)
  }

  @Test func growthIsOutputErrorOverInputError() throws {
    // Rows [8, 1] and [9, 1]: errors 1/sqrt(65) and 2/sqrt(82).
    let comparison = try Layers.comparison(["head inputs_0": 9, "head outputs": 11])
    let growth = try #require(comparison.module("head")?.origin?.growth)
    #expect(abs(growth - 1.780655) < 1e-5)
  }

  @Test func firstModuleOfAllIntroduces() throws {
    let comparison = try Layers.comparison(["rotary outputs_0": 3, "layers.0.attn.o inputs_0": 5])
    #expect(comparison.firstDivergence?.call.module == "rotary")
    #expect(comparison.firstDivergence?.origin.cause == .introduced)
  }

  @Test func errorBornBetweenChildrenIsBracketed() throws {
    let comparison = try Layers.comparison([
      "layers.0.attn.o inputs_0": 4.5, "layers.0.attn.o outputs": 5.5,
      "layers.0.attn outputs_0": 5.5, "layers.0.norm inputs_0": 6.5,
    ])
    let divergence = try #require(comparison.firstDivergence)
    #expect(divergence.call.module == "layers.0.attn.o")
    #expect(divergence.tensor.slot.rawValue == "inputs_0")
    #expect(divergence.origin.cause == .inherited)
    #expect(divergence.origin.birthplace?.description == "inside layers.0.attn, after v, before o")
    #expect(comparison.introduced.map(\.module) == ["layers.0.attn"])
  }

  @Test func withoutKeywordInputsTheCauseIsUnknownAndTheBracketStays() throws {
    let comparison = try Layers.comparison(
      [
        "layers.0.attn.o inputs_0": 4.5, "layers.0.attn.o outputs": 5.5,
        "layers.0.attn outputs_0": 5.5,
      ], keywords: false)
    #expect(
      comparison.firstDivergence?.origin.birthplace?.description
        == "inside layers.0.attn, after v, before o")
    #expect(comparison.module("layers.0.attn")?.origin?.cause == .unknown)
    #expect(comparison.introduced.isEmpty)
  }

  @Test func residualAdditionIsTheLayersOwn() throws {
    let comparison = try Layers.comparison([
      "layers.0.norm inputs_0": 6.5, "layers.0.norm outputs": 7.5, "layers.0 outputs": 8.5,
    ])
    #expect(comparison.firstDivergence?.call.module == "layers.0.norm")
    #expect(
      comparison.firstDivergence?.origin.birthplace?.description
        == "inside layers.0, after attn, before norm")
    #expect(comparison.introduced.map(\.module) == ["layers.0"])
  }

  @Test func lastAdditionOfALayerIsAfterItsLastChild() throws {
    let comparison = try Layers.comparison(["layers.0 outputs": 8.5, "head inputs_0": 8.5])
    #expect(comparison.firstDivergence?.call.module == "layers.0")
    #expect(comparison.firstDivergence?.origin.cause == .introduced)
    #expect(
      comparison.firstDivergence?.origin.birthplace?.description
        == "inside layers.0, after mlp, before its outputs")
  }

  @Test func unrecordedInputsExplainNothingAfterAnEarlierFailure() throws {
    // What `attn` was handed is unknown, so the failure of `rotary` may have come that way.
    let comparison = try Layers.comparison(
      ["rotary outputs_0": 3, "layers.0.attn.o inputs_0": 5, "layers.0.attn outputs_0": 7],
      keywords: false)
    #expect(comparison.introduced.map(\.module) == ["rotary"])
    #expect(comparison.module("layers.0.attn.o")?.origin?.birthplace == nil)
  }

  @Test func toleratedDriftIsShownAsFirstDifference() throws {
    let comparison = try Layers.comparison([
      "layers.0.attn.q outputs": 2.00001, "head inputs_0": 8.00004, "head outputs": 9.1,
    ])
    #expect(comparison.firstDivergence?.call.module == "head")
    #expect(comparison.firstDivergence?.origin.cause == .introduced)
    #expect(try #require(comparison.firstDivergence?.origin.inputError) > 0)
    #expect(comparison.firstDifference?.call.module == "layers.0.attn.q")
  }

  @Test func nonFiniteValuesAreAnInfiniteError() throws {
    let comparison = try Layers.comparison(["layers.0.attn.q outputs": .nan])
    #expect(comparison.firstDivergence?.call.module == "layers.0.attn.q")
    #expect(comparison.firstDivergence?.origin.outputError == .infinity)
  }

  @Test func skippedInputsLeaveTheCauseUnknown() throws {
    let note = SkippedTensor(
      dtype: .float32, shape: .vector(9), device: .cpu, reason: "too large")
    var (actual, expected) = (InMemoryRun(path: "A"), InMemoryRun(path: "B"))
    actual.add(nil, "a", "inputs_0", skipped: note)
    expected.add(nil, "a", "inputs_0", skipped: note)
    actual.add(try rows([1]), "a", "outputs")
    expected.add(try rows([2]), "a", "outputs")
    #expect(try compare(actual, expected).firstDivergence?.origin.cause == .unknown)
  }

  @Test func stepsAreJudgedByTheirOwnInputsInNumericOrder() throws {
    var (actual, expected) = (InMemoryRun(path: "A"), InMemoryRun(path: "B"))
    for step in [10, 2] {
      try actual.add(step: step, [("a", [("inputs_0", [1]), ("outputs", [2])])])
      try expected.add(step: step, [("a", [("inputs_0", [1]), ("outputs", [3])])])
    }
    let comparison = try compare(actual, expected)
    #expect(comparison.firstDivergence?.call.step == 2)
    #expect(comparison.introduced.map(\.step) == [2, 10])
  }

  @Test func differingValuesComeBeforeMissingModules() throws {
    let comparison = try compare(
      run("A", [("b", [("inputs_0", [1]), ("outputs", [2])])]),
      run(
        "B", [("a", [("outputs", [1])]), ("b", [("inputs_0", [1]), ("outputs", [3])])]))
    #expect(comparison.firstDivergence?.call.module == "b")
  }

  @Test func resultDoesNotDependOnTheRun() throws {
    let first = try Layers.comparison(["layers.0.attn.q outputs": 3])
    let second = try Layers.comparison(["layers.0.attn.q outputs": 3])
    #expect(
      first.steps.flatMap { $0.modules.flatMap { $0.tensors.map(\.difference) } }
        == second.steps.flatMap { $0.modules.flatMap { $0.tensors.map(\.difference) } })
  }

  @Test func onlyTheFirstFailingTensorsGetQuantiles() throws {
    let changes: [String: Float] = [
      "rotary outputs_0": 3, "layers.0.attn.q outputs": 3, "head outputs": 3,
    ]
    let comparison = try compare(
      run("A", Layers.calls(changes)), run("B", Layers.calls()), .init(.init(), detailLimit: 2))
    let detailed = comparison.steps[0].modules.flatMap { module in
      module.tensors.filter { $0.quantiles != nil }.map { _ in module.call.module }
    }
    #expect(detailed == ["rotary", "layers.0.attn.q"])
    // |d| is [1, 0]; every quantile below 1 is the lower value.
    #expect(comparison.tensor("rotary", "outputs_0")?.quantiles == [0, 0, 0, 0])
  }

  @Test func progressEndsAtTheTotal() async throws {
    let calls = Layers.calls()
    try await confirmation(expectedCount: 22) { confirm in
      _ = try RunComparison.compare(
        actual: run("A", calls), expected: run("B", calls), options: .init()
      ) { done, total in
        #expect(total == 22 && done >= 1 && done <= 22)
        confirm()
      }
    }
  }
}
