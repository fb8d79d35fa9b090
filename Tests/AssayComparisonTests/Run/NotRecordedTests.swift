import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

@Suite struct NotRecordedTests {
  private let call: [Call] = [("a", [("inputs_0", [1]), ("outputs_0", [3, 4])])]

  private func runs(
    actual: String? = nil, expected: String? = nil
  ) throws -> (actual: InMemoryRun, expected: InMemoryRun) {
    var (a, e) = (try run("A", call), try run("B", call))
    if let actual { a.addNotRecorded("a", "outputs_1", reason: actual) }
    if let expected { e.addNotRecorded("a", "outputs_1", reason: expected) }
    return (a, e)
  }

  @Test(
    arguments: [
      ("a generator", nil, "the actual run did not record it: a generator"),
      (nil, "a sparse tensor", "the expected run did not record it: a sparse tensor"),
      ("a generator", "a generator", "neither run recorded it: a generator"),
    ] as [(String?, String?, String)])
  func itFailsWhicheverRunSaysSo(
    _ actual: String?, _ expected: String?, _ reason: String
  ) throws {
    let (a, e) = try runs(actual: actual, expected: expected)
    let comparison = try compare(a, e)
    let module = try #require(comparison.module("a"))
    #expect(!comparison.isMatch)
    #expect(module.verdict == .mismatch)
    #expect(module.tensors.map(\.verdict) == [.match, .match, .notRecorded])
    #expect(module.tensors.last?.reason == reason)
    #expect(comparison.summary.tensors.notRecorded == 1)
    #expect(comparison.summary.tensors.matched == 2)
    #expect(comparison.firstDivergence?.tensor.slot == Slot("outputs_1"))

    var replayer = Replayer(a, e, .init())
    try replayer.feed()
    let live = try replayer.finish()
    #expect(live.steps == comparison.steps)
    #expect(replayer.passes.contains(false))
  }

  @Test func aRecordedTensorDoesNotStandForOneThatIsNot() throws {
    var (a, e) = try runs(actual: "a generator")
    e.add(try rows([5]), "a", "outputs_1")
    #expect(try compare(a, e).summary.tensors.notRecorded == 1)
    a = try run("A", call)
    #expect(try compare(a, e).summary.tensors.missingInActual == 1)
  }

  @Test func modulesThatAreLeftOutAreNotHeldAgainstARun() throws {
    let other: [Call] = [("b", [("outputs", [1])])]
    var (a, e) = (try run("A", call + other), try run("B", call + other))
    a.addNotRecorded("a", "outputs_1", reason: "a generator")
    e.addNotRecorded("a", "outputs_1", reason: "a generator")
    #expect(try compare(a, e, .init(modules: [ModulePattern("^b$")])).isMatch)
  }

  /// A cache of any name, where the recorder says that it is one.
  @Test(arguments: ["DynamicCache", "Cells"])
  func cachesAreNotedAndDoNotFail(_ type: String) throws {
    var (a, e) = try runs()
    let cache: CapturedValue =
      type == "Cells"
      ? .state(type: type, representation: type, length: 3)
      : .other(type: type, representation: "DynamicCache(…")
    a.describe("a", .inputs, .tuple([cache]))
    e.describe("a", .inputs, .tuple([cache]))
    let comparison = try compare(a, e)
    #expect(comparison.isMatch)
    #expect(comparison.notes.contains { $0.contains("handed or returned a \(type)") })
  }
}
