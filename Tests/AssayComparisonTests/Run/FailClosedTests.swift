import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

@Suite struct FailClosedTests {
  private let one: [Call] = [("a", [("outputs", [1, 2])])]

  @Test func comparingNothingFails() throws {
    let empty = InMemoryRun(path: "A")
    let comparison = try compare(empty, InMemoryRun(path: "B"))
    #expect(!comparison.isMatch)
    #expect(comparison.failures == [.nothingCompared])
  }

  @Test func comparingOnlyEmptyTensorsFails() throws {
    let calls: [Call] = [("a", [("outputs", [])])]
    let comparison = try compare(run("A", calls), run("B", calls))
    #expect(comparison.summary.tensors.matched == 1)
    #expect(comparison.failures == [.nothingCompared])
    #expect(!comparison.isMatch)
  }

  @Test func selectedStepThatNeitherRunHasFails() throws {
    let comparison = try compare(run("A", one), run("B", one), .init(steps: [0, 7]))
    #expect(comparison.failures == [.stepMatchesNothing(7)])
    #expect(comparison.steps.map(\.verdict) == [.match])
    #expect(!comparison.isMatch)
  }

  @Test func patternThatMatchesNothingFails() throws {
    let patterns = [try ModulePattern("a"), try ModulePattern("b+")]
    let comparison = try compare(run("A", one), run("B", one), .init(modules: patterns))
    #expect(comparison.failures == [.patternMatchesNothing("b+")])
    #expect(!comparison.isMatch)
  }

  @Test func filtersHoldForBothSides() throws {
    var actual = try run("A", one + [("only.actual", [("outputs", [1])])])
    var expected = try run("B", one + [("only.expected", [("outputs", [1])])])
    try actual.add(step: 1, [("a", [("outputs", [9])])])
    try expected.add(step: 1, [("a", [("outputs", [8])])])
    let options = ComparisonOptions(steps: [0], modules: [try ModulePattern("^a$")])
    let comparison = try compare(actual, expected, options)
    #expect(comparison.isMatch)
    #expect(comparison.summary.tensors.total == 1)
  }

  @Test func devicesPairByNameOrByMap() throws {
    var actual = InMemoryRun(path: "A")
    actual.add(try rows([1, 2]), "a", "outputs", device: Device("cuda:0"))
    let expected = try run("B", one)
    let unmapped = try compare(actual, expected)
    #expect(unmapped.summary.tensors.missingInActual == 1)
    #expect(unmapped.summary.tensors.missingInExpected == 1)
    #expect(unmapped.failures == [.nothingCompared])

    let map = [(actual: Device("cuda:0"), expected: Device.cpu)]
    #expect(try compare(actual, expected, .init(deviceMap: map)).isMatch)
  }

  @Test func deviceMapThatMatchesNothingFails() throws {
    let map = [(actual: Device("cuda:0"), expected: Device("mps"))]
    let comparison = try compare(run("A", one), run("B", one), .init(deviceMap: map))
    #expect(
      comparison.failures == [
        .deviceMatchesNothing(device: "cuda:0", entry: "cuda:0=mps", isActual: true),
        .deviceMatchesNothing(device: "mps", entry: "cuda:0=mps", isActual: false),
      ])
    #expect(!comparison.isMatch)
  }

  @Test func devicesMappedOntoOneDoNotHideEachOther() throws {
    var actual = try run("A", one)
    actual.add(try rows([1, 2]), "a", "outputs", device: Device("cuda:0"))
    let map = [(actual: Device("cuda:0"), expected: Device.cpu)]
    let comparison = try compare(actual, run("B", one), .init(deviceMap: map))
    #expect(comparison.summary.tensors.missingInExpected == 1)
    #expect(!comparison.isMatch)
  }

  @Test func tensorSkippedByBothIsNeitherMatchedNorCompared() throws {
    let note = SkippedTensor(
      dtype: .float32, shape: .vector(9), device: .cpu, reason: "9 elements are too many")
    var (actual, expected) = (try run("A", one), try run("B", one))
    actual.add(nil, "big", "outputs", skipped: note)
    expected.add(nil, "big", "outputs", skipped: note)
    let comparison = try compare(actual, expected)
    #expect(comparison.isMatch)
    #expect(comparison.module("big")?.verdict == .skipped)
    #expect(comparison.summary.tensors.skipped == 1)
    #expect(comparison.summary.tensors.compared == 1)
    #expect(comparison.summary.modules == .init(total: 2, matched: 1, mismatched: 0, missing: 0))
  }

  @Test func skippedTensorsMustAgreeInShape() throws {
    func note(_ count: Int) -> SkippedTensor {
      SkippedTensor(dtype: .float32, shape: .vector(count), device: .cpu, reason: "too large")
    }
    var (actual, expected) = (try run("A", one), try run("B", one))
    actual.add(nil, "big", "outputs", skipped: note(9))
    expected.add(nil, "big", "outputs", skipped: note(8))
    let comparison = try compare(actual, expected)
    #expect(comparison.tensor("big", "outputs")?.verdict == .shape)
    #expect(!comparison.isMatch)
  }

  @Test func tensorSkippedByOneSideFails() throws {
    let note = SkippedTensor(
      dtype: .float32, shape: .vector(2), device: .cpu, reason: "too large")
    var actual = InMemoryRun(path: "A")
    actual.add(nil, "a", "outputs", skipped: note)
    let comparison = try compare(actual, run("B", one))
    #expect(comparison.tensor("a", "outputs")?.verdict == .missingInActual)
    #expect(comparison.tensor("a", "outputs")?.reason == "the actual run skipped it: too large")
    #expect(!comparison.isMatch)
  }

  @Test func cutRunMatchesOnlyWhereStepsAreNamed() throws {
    var actual = try run("A", one)
    actual.manifest.isComplete = false
    let comparison = try compare(actual, run("B", one))
    #expect(comparison.failures == [.incompleteRun(path: "A", steps: 1)])
    #expect(!comparison.isMatch)

    let named = try compare(actual, run("B", one), .init(steps: [0]))
    #expect(named.isMatch)
    #expect(named.notes.contains { $0.contains("was cut") })
  }
}
