import AssayComparison
import AssayReplay
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Foundation
import Testing

/// Approving a run as a golden.
@Suite struct GoldenFileTests {
  private let directory: TemporaryDirectory
  private let file: GoldenFile

  init() throws {
    directory = try TemporaryDirectory()
    file = GoldenFile(path: directory.path + "/set/golden.h5")
  }

  private func approval(_ reason: String? = nil) -> Approval {
    Approval(by: "Ada", to: "", date: Date(timeIntervalSince1970: 0), reason: reason)
  }

  private func candidate(_ id: String, _ factors: [Float] = [2]) throws -> any RunReader {
    try recordGolden(in: directory, name: id, id: id) { probe in
      try Chain(factors: factors).run(inputs, probe)
    }
  }

  private var setNames: [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: directory.path + "/set")) ?? []
  }

  @Test func firstGoldenIsMade() throws {
    #expect(!file.exists)
    try file.approve(candidate("first"), approval: approval("the port is right"))
    #expect(file.exists && setNames == ["golden.h5"])
    let golden = try file.open()
    #expect(golden.manifest.id == "first" && golden.manifest.isComplete)
    #expect(
      golden.manifest.provenance?.approvals == [
        Approval(
          by: "Ada", to: "first", date: Date(timeIntervalSince1970: 0), reason: "the port is right")
      ])
    #expect(golden.manifest.provenance?.approvals?.first?.date == "1970-01-01T00:00:00Z")
    #expect(try Replay.run(golden) { try Chain(factors: [2]).run(inputs, $0) }.isMatch)
  }

  @Test func approvalsAreKeptFromTheFirstToTheLast() throws {
    try file.approve(candidate("a"), approval: approval("one"))
    try file.approve(candidate("b", [3]), approval: approval("two"))
    try file.approve(candidate("c", [4]), approval: approval())
    let approvals = try #require(try file.open().manifest.provenance?.approvals)
    #expect(approvals.map(\.from) == [nil, "a", "b"])
    #expect(approvals.map(\.to) == ["a", "b", "c"])
    #expect(approvals.map(\.reason) == ["one", "two", nil])
    #expect(try Replay.run(file.open()) { try Chain(factors: [4]).run(inputs, $0) }.isMatch)
  }

  /// More approvals than an HDF5 attribute holds.
  @Test func longHistoryIsKept() throws {
    var run = InMemoryRun(path: "run", id: "run")
    run.add(try Chain().vector([1]), "model", "outputs")
    var provenance = Provenance(tool: "t", toolVersion: "1", created: "now")
    provenance.approvals = (0..<1000).map { Approval(by: "Ada", to: "\($0)", reason: "because") }
    run.manifest.provenance = provenance
    let writer = try file.writer(manifest: run.manifest)
    try copyRun(from: run, to: writer)
    try file.approve(candidate("next"), approval: approval())
    let approvals = try #require(try file.open().manifest.provenance?.approvals)
    #expect(approvals.count == 1001 && approvals.last?.from == "run")
  }

  @Test func recipeOfTheGoldenStays() throws {
    try file.approve(candidate("a"), approval: approval())
    let recipe = try #require(try file.open().manifest.recipe)
    var run = InMemoryRun(path: "plain", id: "plain")
    run.add(try Chain().vector([1]), "model", "outputs")
    try file.approve(run, approval: approval())
    #expect(try file.open().manifest.recipe == recipe)
    // Nothing is made up for a run that does not say where it comes from.
    #expect(try file.open().manifest.provenance?.tool == "unknown")
    #expect(try file.open().manifest.provenance?.approvals?.count == 2)
  }

  @Test(arguments: [
    ("checkpoint", "/elsewhere/checkpoint"), ("/models/tiny", "/models/tiny"),
    ("../tiny", "/tiny"),
  ])
  func modelIsFoundFromTheGoldensPlace(_ model: String, _ expected: String) throws {
    var run = InMemoryRun(path: "/elsewhere/run.h5", id: "run")
    run.add(try Chain().vector([1]), "model", "outputs")
    run.manifest.recipe = Recipe(
      model: model, tokenIDs: [], steps: 1, dtype: "float32", devices: [])
    try file.approve(run, approval: approval())
    #expect(try file.open().manifest.recipe?.model == expected)
    run.manifest.recipe?.model = directory.path + "/set/models/tiny"
    try file.approve(run, approval: approval())
    #expect(try file.open().manifest.recipe?.model == "models/tiny")
  }

  /// Bytes and modification time of the golden, and the names beside it.
  private struct Snapshot: Equatable {
    var bytes: Data
    var changed: Date?
    var names: [String]
  }

  private func snapshot() throws -> Snapshot {
    let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
    return Snapshot(
      bytes: try Data(contentsOf: URL(filePath: file.path)),
      changed: attributes[.modificationDate] as? Date, names: setNames)
  }

  @Test func runThatCannotBeAGoldenLeavesTheOldOne() throws {
    try file.approve(candidate("a"), approval: approval())
    let before = try snapshot()

    var cut = InMemoryRun(path: "cut", isComplete: false)
    cut.add(try Chain().vector([1]), "model", "outputs")
    #expect(throws: ReplayError.incompleteCandidate(path: "cut", steps: 1)) {
      try file.approve(cut, approval: approval())
    }
    var empty = InMemoryRun(path: "empty")
    empty.begin("model")
    #expect(throws: ReplayError.emptyCandidate(path: "empty")) {
      try file.approve(empty, approval: approval())
    }
    // The last of many tensors cannot be read, long after the writing began.
    var damaged = InMemoryRun(path: "damaged")
    for index in 0..<200 { damaged.add(try Chain().vector([1]), "model.\(index)", "outputs") }
    damaged.add(nil, "model.200", "outputs")
    #expect(throws: RunError.self) { try file.approve(damaged, approval: approval()) }
    #expect(throws: ReplayError.candidateIsGolden(path: file.path)) {
      try file.approve(file.open(), approval: approval())
    }
    let detour = directory.path + "/set/../set/golden.h5"
    #expect(throws: ReplayError.candidateIsGolden(path: detour)) {
      try file.approve(HDF5RunReader(path: detour), approval: approval())
    }
    #expect(try snapshot() == before)
  }

  @Test func goldenWhoseApprovalsCannotBeReadIsNotReplaced() throws {
    let candidate = try candidate("a")
    try FileManager.default.createDirectory(
      atPath: directory.path + "/set", withIntermediateDirectories: true)
    try Data("no HDF5".utf8).write(to: URL(filePath: file.path))
    let before = try snapshot()
    #expect(throws: RunError.self) { try file.approve(candidate, approval: approval()) }
    #expect(try snapshot() == before)
  }

  @Test func directoryIsNoGolden() throws {
    let file = GoldenFile(path: directory.path)
    #expect(file.exists)
    #expect(throws: RunError.self) { try file.open() }
    #expect(throws: RunError.self) { try file.approve(candidate("a"), approval: approval()) }
  }

  @Test func readerOfTheOldGoldenOutlivesIt() throws {
    try file.approve(candidate("a"), approval: approval())
    let old = try file.open()
    try file.approve(candidate("b", [3]), approval: approval())
    #expect(try Replay.run(old) { try Chain(factors: [2]).run(inputs, $0) }.isMatch)
    #expect(try !Replay.run(file.open()) { try Chain(factors: [2]).run(inputs, $0) }.isMatch)
  }
}
