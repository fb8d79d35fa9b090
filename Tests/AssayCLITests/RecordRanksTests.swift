import Foundation
import Testing

/// `assay record --ranks`: what the run of each rank is and says, and how one is replayed.
@Suite struct RecordRanksTests {
  private static let record = [
    "record", "--model", RecordTests.checkpoint, "--prompt", RecordTests.prompt, "--max-tokens",
    "2",
  ]

  /// Records the goldens `whole.rank<n>.h5`.
  private static func goldens(_ count: Int, in folder: TemporaryFolder) throws -> [String] {
    let outcome = try AssayProcess.run(
      record + ["--ranks", "\(count)", "--golden", folder.path("whole.h5")])
    try #require(outcome.status == 0, "\(outcome.stderr)")
    return (0..<count).map { folder.path("whole.rank\($0).h5") }
  }

  private static func inspect(_ path: String) throws -> [String: Any] {
    let outcome = try AssayProcess.run(["inspect", path, "--format", "json"])
    return try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.stdout.utf8)) as? [String: Any])
  }

  @Test func everyRankWritesARunOfItsOwnInBothLayouts() throws {
    let folder = try TemporaryFolder()
    let outcome = try AssayProcess.run(
      Self.record + [
        "--ranks", "4", "--intermediate-log-config", RecordTests.configuration(folder),
      ])
    try #require(outcome.status == 0, "\(outcome.stderr)")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted()
    let id = try #require(names.first?.dropLast("-rank0".count))
    #expect(UUID(uuidString: String(id)) != nil)
    #expect(names == (0..<4).map { "\(id)-rank\($0)" })
    for (rank, name) in names.enumerated() {
      #expect(outcome.stdout.contains("recorded \(folder.path(name))"))
      for layout in [folder.path(name), folder.path(name) + "/run.h5"] {
        let run = try Self.inspect(layout)
        #expect(run["run"] as? String == name)
        let provenance = try #require(run["provenance"] as? [String: Any])
        #expect(provenance["rank"] as? Int == rank)
        #expect(provenance["world_size"] as? Int == 4)
        let placements = try #require(provenance["placements"] as? [String: Any])
        #expect(placements["mesh"] as? [[String: Int]] == [["tp": 4]])
        let tensors = try #require(run["tensors"] as? [[String: Any]])
        let logits = tensors.first {
          $0["module"] as? String == "lm_head" && $0["slot"] as? String == "outputs"
        }
        #expect((logits?["shape"] as? [Int])?.last == 128)
      }
    }
  }

  @Test func aGroupBecomesAFileOfVirtualDatasetsWhereThatIsAsked() throws {
    let folder = try TemporaryFolder()
    let ranks = try Self.goldens(2, in: folder)
    func run(_ arguments: String...) throws -> AssayProcess.Outcome {
      try AssayProcess.run(
        arguments.map { $0.hasSuffix(".h5") || $0.hasSuffix("*") ? folder.path($0) : $0 })
    }
    #expect(try run("convert", "whole.rank*", "whole.h5").status == 0)
    #expect(try run("convert", "whole.rank*", "one.h5", "--virtual").status == 0)
    let exact = ["--rtol", "0", "--atol", "0", "--summary"]
    let paths = [folder.path("one.h5"), folder.path("whole.h5")]
    let compared = try AssayProcess.run(["compare"] + paths + ["--virtual"] + exact)
    #expect(compared.status == 0, "\(compared.stdout)")
    let refused = try AssayProcess.run(["compare"] + paths + exact)
    #expect(refused.status == 2 && refused.stderr.contains("read them with --virtual"))
    #expect(try run("inspect", "one.h5").status == 2)
    #expect(try run("inspect", "one.h5", "--virtual").status == 0)
    #expect(try run("check", "one.h5", "--virtual").status == 0)
    // Of a file of virtual datasets it makes one that has all elements.
    #expect(try run("convert", "one.h5", "copy.h5", "--virtual").status == 0)
    try FileManager.default.removeItem(atPath: ranks[1])
    let copy = try AssayProcess.run(["compare", folder.path("copy.h5"), paths[1]] + exact)
    #expect(copy.status == 0, "\(copy.stdout)")
    let missing = try AssayProcess.run(["compare"] + paths + ["--virtual"] + exact)
    #expect(missing.status == 2 && missing.stderr.contains("whole.rank1.h5 is missing"))
  }

  @Test func virtualDatasetsAreOfGroupsAndInHDF5() throws {
    let folder = try TemporaryFolder()
    _ = try Self.goldens(2, in: folder)
    let directory = try AssayProcess.run([
      "convert", folder.path("whole.rank*"), folder.path("directory"), "--virtual",
    ])
    #expect(directory.status == 2 && directory.stderr.contains("--virtual makes an .h5 or .hdf5"))
    try FileManager.default.createDirectory(
      atPath: folder.path("deeper"), withIntermediateDirectories: true)
    let elsewhere = try AssayProcess.run([
      "convert", folder.path("whole.rank*"), folder.path("deeper/one.h5"), "--virtual",
    ])
    #expect(elsewhere.status == 2 && elsewhere.stderr.contains("is not in the folder of"))
    #expect(!FileManager.default.fileExists(atPath: folder.path("deeper/one.h5")))
  }

  @Test func ranksChooseTheTokensOfTheWholeModel() throws {
    let folder = try TemporaryFolder()
    let whole = try AssayProcess.run(Self.record + ["--golden", folder.path("one.h5")])
    let one = try Self.inspect(folder.path("one.h5"))
    let recipe = try #require(one["recipe"] as? NSDictionary)
    let provenance = try #require(one["provenance"] as? [String: Any])
    #expect(provenance["rank"] == nil && provenance["placements"] == nil)
    let goldens = try Self.goldens(2, in: folder)
    for golden in goldens {
      let run = try Self.inspect(golden)
      #expect(run["recipe"] as? NSDictionary == recipe)
      let others = try #require(run["provenance"] as? [String: Any])
      for key in ["tool", "framework", "model_hash", "dtype", "threads"] {
        #expect("\(others[key] ?? "")" == "\(provenance[key] ?? "")", "\(key)")
      }
    }
    #expect(whole.stdout.hasPrefix(RecordTests.prompt))
  }

  @Test func aRankIsReplayedWithTheOthers() throws {
    let folder = try TemporaryFolder()
    for golden in try Self.goldens(4, in: folder) {
      let options = ["--model", RecordTests.checkpoint, "--rtol", "0", "--atol", "0"]
      let (status, report) = try EngineReplayTests.json([golden] + options)
      #expect(status == 0)
      #expect(report.verdict == "match")
      #expect(report.summary.tensors.compared == 280)
    }
  }

  @Test func aRankWithOtherWeightsDiffers() throws {
    let folder = try TemporaryFolder()
    let golden = try Self.goldens(2, in: folder)[1]
    let outcome = try AssayProcess.run([
      "replay", golden, "--allow-other-weights", "--model",
      try EngineReplayTests.otherCheckpoint(in: folder),
    ])
    #expect(outcome.status == 1)
    #expect(outcome.stdout.contains("First divergence: `model.norm`"), "\(outcome.stdout)")
  }

  @Test func aRankIsNotJudgedByItself() throws {
    let folder = try TemporaryFolder()
    let golden = try Self.goldens(2, in: folder)[0]
    let outcome = try AssayProcess.run([
      "replay", golden, "--isolated", "--model", RecordTests.checkpoint,
    ])
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains("\(golden) is rank 0 of 2"), "\(outcome.stderr)")
  }

  /// A run that says another split, or another rank, than the engine's is none of its own.
  @Test(arguments: [
    (#""tp":"partial""#, #""tp":"replicate""#, "is rank 0 of 2, split otherwise"),
    (#""rank":0"#, #""rank":2"#, "it is rank 2 of 2"),
    (#""world_size":2"#, #""world_size":3"#, "3 ranks cannot share num_attention_heads 4"),
  ])
  func anotherSplitIsNotReplayed(found: String, other: String, message: String) throws {
    let folder = try TemporaryFolder()
    let recorded = try AssayProcess.run(
      Self.record + [
        "--ranks", "2", "--intermediate-log-config",
        RecordTests.configuration(folder, #", "formats": ["pt"]"#),
      ])
    try #require(recorded.status == 0, "\(recorded.stderr)")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted()
    let run = folder.url.appending(path: try #require(names.first))
    let file = run.appending(path: "run.json")
    let text = try String(contentsOf: file, encoding: .utf8)
    let compact = text.replacing("\": ", with: "\":")
    try #require(compact.contains(found))
    try Data(compact.replacing(found, with: other).utf8).write(to: file)
    let outcome = try AssayProcess.run(["replay", run.path, "--model", RecordTests.checkpoint])
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains(message), "\(outcome.stderr)")
  }

  @Test func theGoldenOfOneRankIsNotReplaced() throws {
    let folder = try TemporaryFolder()
    try Data("mine".utf8).write(to: folder.url.appending(path: "whole.rank1.h5"))
    let outcome = try AssayProcess.run(
      Self.record + ["--ranks", "2", "--golden", folder.path("whole.h5")])
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains("whole.rank1.h5 exists"), "\(outcome.stderr)")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["whole.rank1.h5"])
  }

  @Test func aFullDiskLeavesTheGoldenOfNoRank() throws {
    let folder = try TemporaryFolder()
    let outcome = try AssayProcess.shell(
      "trap '' XFSZ; ulimit -f 64; exec assay record --model \(RecordTests.checkpoint) "
        + "--prompt 'Licensed under' --max-tokens 4 --ranks 2 --golden \(folder.path("whole.h5"))")
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains("whole.rank"), "\(outcome.stderr)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == [])
  }

  @Test func anEmptyRecordingOfRanksLeavesNothing() throws {
    let folder = try TemporaryFolder()
    let members = #", "module_call_match": ["nosuch"]"#
    let outcome = try AssayProcess.run(
      Self.record + [
        "--ranks", "2", "--golden", folder.path("whole.h5"), "--intermediate-log-config",
        RecordTests.configuration(folder, members),
      ])
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains("nosuch"), "\(outcome.stderr)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == [])
  }

  @Test func headsThatDoNotFitAreNamed() throws {
    let outcome = try AssayProcess.run(Self.record + ["--ranks", "3"])
    #expect(outcome.status == 2)
    #expect(
      outcome.stderr.contains("3 ranks cannot share num_attention_heads 4"), "\(outcome.stderr)")
  }
}
