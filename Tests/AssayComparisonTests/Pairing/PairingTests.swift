import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

@Suite struct PairingTests {
  private let two: [Call] = [
    ("a", [("inputs_0", [1, 2]), ("outputs", [3, 4])]), ("b", [("outputs", [5])]),
  ]

  @Test func equalRunsMatch() throws {
    let comparison = try compare(run("A", two), run("B", two))
    #expect(comparison.isMatch)
    #expect(comparison.firstDivergence == nil)
    #expect(comparison.firstDifference == nil)
    #expect(comparison.summary.steps == .init(total: 1, matched: 1, mismatched: 0, missing: 0))
    #expect(comparison.summary.modules == .init(total: 2, matched: 2, mismatched: 0, missing: 0))
    #expect(comparison.summary.tensors.compared == 3)
    #expect(comparison.summary.tensors.matched == 3)
    #expect(comparison.summary.elements.compared == 5)
  }

  @Test func missingAndExtraModulesAreNamedAndFail() throws {
    let comparison = try compare(
      run("A", [two[0], ("extra", [("outputs", [1])])]), run("B", two))
    #expect(!comparison.isMatch)
    #expect(comparison.steps[0].modules.map(\.call.module) == ["a", "extra", "b"])
    #expect(comparison.module("extra")?.verdict == .missingInExpected)
    #expect(comparison.module("b")?.verdict == .missingInActual)
    #expect(comparison.summary.modules.missing == 2)
    #expect(comparison.summary.tensors.missingInActual == 1)
    #expect(comparison.summary.tensors.missingInExpected == 1)
    // Without differing values the first missing tensor is where the runs part.
    #expect(comparison.firstDivergence?.call.module == "extra")
    #expect(comparison.firstDivergence?.origin.cause == .unknown)
  }

  @Test func missingTensorFailsItsModule() throws {
    let comparison = try compare(
      run("A", [("a", [("outputs", [3, 4])])]), run("B", [two[0]]))
    #expect(comparison.module("a")?.verdict == .mismatch)
    #expect(comparison.tensor("a", "inputs_0")?.verdict == .missingInActual)
    #expect(comparison.tensor("a", "outputs")?.verdict == .match)
  }

  @Test func missingStepFailsWithAllItHolds() throws {
    var expected = try run("B", two)
    try expected.add(step: 10, two)
    try expected.add(step: 2, two)
    let comparison = try compare(run("A", two), expected)
    #expect(!comparison.isMatch)
    #expect(comparison.steps.map(\.index) == [0, 2, 10])
    #expect(comparison.steps.map(\.verdict) == [.match, .missingInActual, .missingInActual])
    #expect(comparison.summary.steps.missing == 2)
    #expect(comparison.summary.modules.missing == 4)
    #expect(comparison.summary.tensors.missingInActual == 6)
  }

  @Test func otherShapeAndDTypeFail() throws {
    var actual = InMemoryRun(path: "A")
    actual.add(try rows([1, 2], [3, 4]), "a", "outputs_0")
    actual.add(try Tensor([1.0, 2.5], dtype: .float64), "a", "outputs_1")
    var expected = InMemoryRun(path: "B")
    expected.add(try rows([1, 2, 3, 4]), "a", "outputs_0")
    expected.add(try Tensor([1, 2] as [Float], dtype: .float32), "a", "outputs_1")
    let comparison = try compare(actual, expected)
    let shape = comparison.tensor("a", "outputs_0")
    #expect(shape?.verdict == .shape)
    #expect(shape?.reason == "shape [2, 2] instead of [1, 4]")
    #expect(shape?.difference == nil)
    // Of another dtype the figures are still shown: both as float64.
    let dtype = comparison.tensor("a", "outputs_1")
    #expect(dtype?.verdict == .dtype)
    #expect(dtype?.difference?.maxAbs?.value == 0.5)
    #expect(dtype?.reason?.contains("torch.float64 instead of torch.float32") == true)
    #expect(comparison.summary.tensors.mismatched == 2)
    #expect(!comparison.isMatch)
  }

  @Test func equalValuesOfAnotherDTypeFail() throws {
    var actual = InMemoryRun(path: "A")
    actual.add(try Tensor([0x3F80] as [UInt16], dtype: .bfloat16), "a", "outputs")
    var expected = InMemoryRun(path: "B")
    expected.add(try Tensor([1] as [Float], dtype: .float32), "a", "outputs")
    let comparison = try compare(actual, expected)
    #expect(!comparison.isMatch)
    #expect(comparison.tensor("a", "outputs")?.difference?.maxAbs?.value == 0)
  }

  @Test func unreadableTensorFails() throws {
    var actual = try run("A", [two[1]])
    actual.add(nil, "a", "outputs")
    var expected = try run("B", [two[1]])
    expected.add(try rows([1]), "a", "outputs")
    let comparison = try compare(actual, expected)
    #expect(comparison.tensor("a", "outputs")?.verdict == .unreadable)
    #expect(comparison.tensor("a", "outputs")?.reason == "actual: A: its bytes are gone")
    #expect(comparison.summary.tensors.unreadable == 1)
    #expect(!comparison.isMatch)
  }

  @Test func slotsStandInNaturalOrder() throws {
    let slots = ["outputs_10", "outputs_2", "post_fwd_inputs_0", "inputs_10", "inputs_9", "zz"]
    let calls: [Call] = [("a", slots.map { ($0, [1]) })]
    let comparison = try compare(run("A", calls), run("B", calls))
    #expect(
      comparison.module("a")?.tensors.map(\.slot.rawValue) == [
        "inputs_9", "inputs_10", "outputs_2", "outputs_10", "post_fwd_inputs_0", "zz",
      ])
  }

  @Test func differingOrderIsNoted() throws {
    let comparison = try compare(run("A", two.reversed()), run("B", two))
    #expect(comparison.isMatch)
    #expect(comparison.steps[0].modules.map(\.call.module) == ["a", "b"])
    #expect(comparison.notes.contains { $0.contains("different orders") })
  }

  @Test func recordedOrderOfTheActualRunStandsInForAnUnknownOne() throws {
    var expected = try run("B", two)
    expected.forgetOrder()
    let comparison = try compare(run("A", two.reversed()), expected)
    #expect(comparison.steps[0].modules.map(\.call.module) == ["b", "a"])
    #expect(comparison.notes.isEmpty)
  }

  @Test func unknownOrderOnBothSidesIsNoted() throws {
    var (actual, expected) = (try run("A", two), try run("B", two))
    actual.forgetOrder()
    expected.forgetOrder()
    #expect(
      try compare(actual, expected).notes.contains { $0.contains("order of their names") })
  }
}
