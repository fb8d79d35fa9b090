import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

/// Which side may have more than the other, by what each of them is.
@Suite struct HeldTensorsTests {
  private func run(_ modules: [String], isFixture: Bool) throws -> InMemoryRun {
    var run = InMemoryRun(path: isFixture ? "stages.npz" : "run.h5")
    run.manifest.isFixture = isFixture
    let tensor = try Tensor([1] as [Float], dtype: .float32)
    for module in modules { run.add(tensor, module, "outputs") }
    return run
  }

  @Test(arguments: [
    // What the actual run has beyond the expected one.
    (false, true, ["a", "b"], ["a"], true),
    (false, false, ["a", "b"], ["a"], false),
    (true, true, ["a", "b"], ["a"], false),
    (true, false, ["a", "b"], ["a"], false),
    // What it lacks.
    (false, true, ["a"], ["a", "b"], false),
    (true, true, ["a"], ["a", "b"], false),
    (true, false, ["a"], ["a", "b"], false),
  ])
  func onlyARecordingMayHaveMoreThanAFixture(
    _ isActualFixture: Bool, _ isExpectedFixture: Bool, _ actual: [String], _ expected: [String],
    _ isMatch: Bool
  ) throws {
    let comparison = try RunComparison.compare(
      actual: run(actual, isFixture: isActualFixture),
      expected: run(expected, isFixture: isExpectedFixture))
    #expect(comparison.isMatch == isMatch)
    #expect(comparison.summary.tensors.compared == 1)
    #expect(
      comparison.notes.contains { $0.contains("1 of the 2 tensors") }
        == (isMatch && actual.count > expected.count))
  }

  @Test func stepsThatAFixtureDoesNotHaveAreNotHeldEither() throws {
    var actual = try run(["a"], isFixture: false)
    let tensor = try Tensor([1] as [Float], dtype: .float32)
    actual.add(tensor, step: 1, "a", "outputs")
    actual.add(tensor, "a", "inputs_0")
    let comparison = try RunComparison.compare(
      actual: actual, expected: run(["a"], isFixture: true))
    #expect(comparison.isMatch && comparison.steps.map(\.index) == [0])
    #expect(comparison.notes.contains { $0.contains("2 of the 3 tensors") })
  }

  @Test func noModuleOfAFixtureIsSaidToHaveIntroducedAnError() throws {
    var (actual, expected) = (InMemoryRun(path: "run.h5"), InMemoryRun(path: "stages.npz"))
    expected.manifest.isFixture = true
    let value = try Tensor([1] as [Float], dtype: .float32)
    let other = try Tensor([2] as [Float], dtype: .float32)
    for (slot, tensor) in [("inputs_0", value), ("outputs", other)] {
      actual.add(tensor, "a", slot)
      expected.add(value, "a", slot)
    }
    // As the reader of fixtures tells it.
    expected.cover("a", .partial)
    let comparison = try RunComparison.compare(actual: actual, expected: expected)
    #expect(comparison.firstDivergence?.origin.cause == .unknown)
    #expect(comparison.introduced.isEmpty)
  }
}
