import Foundation
import Testing

/// `assay approve`: nobody replaces a golden without having been shown what changes.
@Suite struct ApproveTests {
  static let candidate = "Golden/tiny-llama/bugs/weight-row.h5"

  /// A copy of the golden, which may be replaced.
  static func golden(in folder: TemporaryFolder) throws -> (path: String, bytes: Data) {
    let path = folder.path("golden.h5")
    let bytes = try Data(
      contentsOf: AssayProcess.packageRoot.appending(path: CompareTests.golden))
    try bytes.write(to: URL(filePath: path))
    return (path, bytes)
  }

  static func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(filePath: path)) }

  static func provenance(of path: String) throws -> [String: Any] {
    let outcome = try AssayProcess.run(["inspect", path, "--format", "json"])
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.stdout.utf8)) as? [String: Any])
    return try #require(object["provenance"] as? [String: Any])
  }

  @Test func withoutATerminalOrYesNothingIsReplaced() throws {
    let folder = try TemporaryFolder()
    let (golden, before) = try Self.golden(in: folder)
    let outcome = try AssayProcess.run(["approve", Self.candidate, golden])
    #expect(outcome.status == 2)
    #expect(outcome.stdout.contains("model.layers.2.mlp.down_proj"), "\(outcome.stdout)")
    #expect(outcome.stderr.contains("--yes"), "\(outcome.stderr)")
    #expect(try Self.bytes(golden) == before)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["golden.h5"])
  }

  @Test func yesReplacesAndKeepsTheHistory() throws {
    let folder = try TemporaryFolder()
    let (golden, _) = try Self.golden(in: folder)
    let first = try AssayProcess.run(
      ["approve", Self.candidate, golden, "--yes", "--message", "a new weight"],
      environment: ["GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org"])
    #expect(first.status == 0, "\(first.stderr)")
    #expect(first.stdout.contains("136"), "\(first.stdout)")
    let (status, report) = try CompareTests.compare(
      "--dir1", golden, "--dir2", Self.candidate, "--rtol", "0", "--atol", "0")
    #expect(status == 0)
    #expect(report.summary.tensors.matched == 560)

    let second = try AssayProcess.run(["approve", CompareTests.directory, golden, "--yes"])
    #expect(second.status == 0, "\(second.stderr)")
    #expect(
      try CompareTests.compare("--dir1", golden, "--dir2", CompareTests.golden).status == 0)
    let approvals = try #require(
      try Self.provenance(of: golden)["approvals"] as? [[String: Any]])
    #expect(approvals.count == 2)
    let (old, bug) = (
      "a33bc9ee-4191-596e-8009-ce7995fbfec9", "e951c3f2-cb2b-591e-b64f-e693a8b9cf1f"
    )
    #expect(approvals.map { $0["from"] as? String } == [old, bug])
    let log = try AssayProcess.run(["log", golden])
    #expect(log.status == 0)
    #expect(log.stdout.contains("by:       Ada <ada@example.org>"), "\(log.stdout)")
    #expect(log.stdout.contains("    a new weight"))
    let listed = try #require(
      try JSONSerialization.jsonObject(
        with: Data(AssayProcess.run(["log", golden, "--format", "json"]).stdout.utf8))
        as? [[String: Any]])
    #expect(listed.map { $0["to"] as? String } == [bug, old])
    #expect(approvals.first?["to"] as? String == bug)
    #expect(approvals.first?["reason"] as? String == "a new weight")
    #expect((approvals.first?["by"] as? String)?.contains("Ada") == true)
    #expect(approvals.last?["reason"] == nil)
    let shown = try AssayProcess.run(["inspect", golden]).stdout
    #expect(
      shown.contains(" \"Ada <ada@example.org>\": \(old) -> \(bug), \"a new weight\"\n"),
      "\(shown.prefix(500))")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["golden.h5"])
  }

  @Test func theApprovedGoldenCanBeReplayed() throws {
    let folder = try TemporaryFolder()
    let (golden, _) = try Self.golden(in: folder)
    // A plain dump has no recipe: the golden keeps its own.
    let dump = folder.url.appending(path: "dump")
    try FileManager.default.copyItem(
      at: AssayProcess.packageRoot.appending(path: CompareTests.directory), to: dump)
    try FileManager.default.removeItem(at: dump.appending(path: "run.json"))
    let approved = try AssayProcess.run(["approve", dump.path, golden, "--yes"])
    #expect(approved.status == 0, "\(approved.stderr)")
    let replayed = try AssayProcess.run(
      ["replay", golden, "--model", RecordTests.checkpoint] + EngineReplayTests.wide)
    #expect(replayed.status == 0, "\(replayed.stderr)")
  }

  @Test func aNewGoldenIsMade() throws {
    let folder = try TemporaryFolder()
    let golden = folder.path("set/new.h5")
    let outcome = try AssayProcess.run(["approve", CompareTests.golden, golden, "--yes"])
    #expect(outcome.status == 0, "\(outcome.stderr)")
    #expect(outcome.stdout.contains("560 tensors"))
    let approvals = try #require(
      try Self.provenance(of: golden)["approvals"] as? [[String: Any]])
    #expect(approvals.count == 1)
    #expect(approvals.first?["from"] == nil)
  }

  @Test(arguments: [
    ("approve\n", 0, "Type"), ("yes\n", 2, "not approved"), ("\n", 2, "not approved"),
    ("approve it\n", 2, "not approved"), ("\u{04}", 2, "not approved"),
  ])
  func aTypedWordApproves(typed: String, status: Int32, message: String) throws {
    let folder = try TemporaryFolder()
    let (golden, before) = try Self.golden(in: folder)
    let keyboard = try PseudoTerminal()
    try keyboard.type(typed)
    let outcome = try AssayProcess.shell(
      "assay approve \(Self.candidate) \(golden)", standardInput: keyboard.terminal)
    #expect(outcome.status == status, "\(outcome.stderr)")
    #expect(outcome.stderr.contains("Type \"approve\""))
    #expect(outcome.stderr.contains(message), "\(outcome.stderr)")
    #expect(try (Self.bytes(golden) == before) == (status != 0))
  }

  @Test func whatCannotBeApprovedLeavesTheOldGolden() throws {
    let folder = try TemporaryFolder()
    let (golden, before) = try Self.golden(in: folder)
    let copies = try ["damaged", "cut"].map { name in
      let copy = folder.url.appending(path: name)
      try FileManager.default.copyItem(
        at: AssayProcess.packageRoot.appending(path: CompareTests.directory), to: copy)
      return copy
    }
    let victim = copies[0].appending(path: "step_3/lm_head/outputs_cpu.pt")
    try Data(contentsOf: victim).dropLast(900).write(to: victim)
    let manifest = copies[1].appending(path: "run.json")
    try String(contentsOf: manifest, encoding: .utf8)
      .replacing(#""complete":true"#, with: #""complete":false"#)
      .write(to: manifest, atomically: true, encoding: .utf8)
    for candidate in copies.map(\.path) + ["no/such/run", golden, "README.md"] {
      let outcome = try AssayProcess.run(["approve", candidate, golden, "--yes"])
      #expect(outcome.status == 2, "\(candidate)")
      #expect(!outcome.stderr.isEmpty)
      #expect(try Self.bytes(golden) == before, "\(candidate)")
    }
    let full = try AssayProcess.shell(
      "trap '' XFSZ; ulimit -f 64; exec assay approve \(Self.candidate) \(golden) --yes")
    #expect(full.status == 2)
    #expect(try Self.bytes(golden) == before)
    #expect(
      Set(try FileManager.default.contentsOfDirectory(atPath: folder.url.path))
        == ["golden.h5", "damaged", "cut"])
  }

  @Test func badUsageLeavesWithStatus2() throws {
    for arguments in [
      [], [Self.candidate],
      [Self.candidate, CompareTests.golden, "--tolerance-file", "no/such.yml"],
      [Self.candidate, CompareTests.golden, "--rtol", "1", "--tolerance", "torch"],
    ] {
      let outcome = try AssayProcess.run(["approve"] + arguments)
      #expect(outcome.status == 2, "\(arguments)")
      #expect(!outcome.stderr.isEmpty, "\(arguments)")
    }
  }
}
