import Foundation
import Testing

/// `assay replay GOLDEN`: the reference engine against what PyTorch recorded.
@Suite struct EngineReplayTests {
  static let golden = CompareTests.golden
  static let wide = ["--rtol", "1e-4", "--atol", "1e-5"]
  static var root: URL { AssayProcess.packageRoot }

  static func json(_ arguments: [String]) throws -> (status: Int32, report: CompareTests.Report) {
    let outcome = try AssayProcess.run(["replay", "--format", "json"] + arguments)
    let report = try JSONDecoder().decode(
      CompareTests.Report.self, from: Data(outcome.stdout.utf8))
    return (outcome.status, report)
  }

  /// A copy of the checkpoint in which one byte of the last weight is another.
  static func otherCheckpoint(in folder: TemporaryFolder) throws -> String {
    let copy = folder.url.appending(path: "checkpoint")
    try FileManager.default.copyItem(
      at: root.appending(path: RecordTests.checkpoint), to: copy)
    let weights = copy.appending(path: "model.safetensors")
    var bytes = try Data(contentsOf: weights)
    bytes[bytes.count - 1] ^= 0x80
    try bytes.write(to: weights)
    return copy.path
  }

  @Test(arguments: [
    ("float32.h5", wide), ("float32", wide), ("float32.h5", wide + ["--isolated"]),
    ("bfloat16.h5", ["--rtol", "0.05", "--atol", "0.05"]),
  ])
  func theEngineMatchesPyTorch(golden: String, options: [String]) throws {
    let (status, report) = try Self.json(["Golden/tiny-llama/\(golden)"] + options)
    #expect(status == 0)
    #expect(report.verdict == "match")
    #expect(report.summary.tensors.compared == 560)
  }

  @Test func anExactToleranceShowsWhereTheEngineDiffers() throws {
    let (status, report) = try Self.json([Self.golden, "--rtol", "0", "--atol", "0"])
    #expect(status == 1)
    #expect(report.verdict == "mismatch")
    #expect(report.first_divergence != nil)
  }

  @Test func otherWeightsAreRefusedUnlessAllowed() throws {
    let folder = try TemporaryFolder()
    let model = ["--model", try Self.otherCheckpoint(in: folder)]
    let refused = try AssayProcess.run(["replay", Self.golden] + Self.wide + model)
    #expect(refused.status == 2)
    #expect(refused.stdout.isEmpty)
    #expect(refused.stderr.contains("--allow-other-weights"), "\(refused.stderr)")
    let allowed = try AssayProcess.run(
      ["replay", Self.golden, "--allow-other-weights"] + Self.wide + model)
    #expect(allowed.status == 1)
    #expect(allowed.stderr.contains("Warning: "))
    // The last tensor of the file, whose last element changed its sign.
    #expect(allowed.stdout.contains("First divergence: `model.norm`"), "\(allowed.stdout)")
  }

  @Test func theFirstDivergenceStopsTheModel() throws {
    let folder = try TemporaryFolder()
    let (status, report) = try Self.json(
      [
        Self.golden, "--stop-at-first-divergence", "--allow-other-weights", "--model",
        try Self.otherCheckpoint(in: folder),
      ] + Self.wide)
    #expect(status == 1)
    #expect(report.first_divergence?.module == "model.norm")
    #expect(report.first_divergence?.step == 0)
    #expect(report.summary.tensors.compared < 560)
  }

  @Test func theModelIsFoundBesideAMovedGolden() throws {
    let folder = try TemporaryFolder()
    let golden = folder.path("moved.h5")
    try FileManager.default.copyItem(
      at: Self.root.appending(path: Self.golden), to: URL(filePath: golden))
    let alone = try AssayProcess.run(["replay", golden] + Self.wide)
    #expect(alone.status == 2)
    #expect(alone.stderr.contains("--model"), "\(alone.stderr)")
    let given = try AssayProcess.run(
      ["replay", golden, "--model", RecordTests.checkpoint] + Self.wide)
    #expect(given.status == 0, "\(given.stderr)")
    try FileManager.default.copyItem(
      at: Self.root.appending(path: RecordTests.checkpoint),
      to: folder.url.appending(path: "checkpoint"))
    let beside = try AssayProcess.run(["replay", golden] + Self.wide)
    #expect(beside.status == 0, "\(beside.stderr)")
    let relative = try AssayProcess.run(["replay", "moved.h5"] + Self.wide, in: folder.url)
    #expect(relative.status == 0, "\(relative.stderr)")
  }

  @Test func otherTokensFail() throws {
    let folder = try TemporaryFolder()
    let copy = folder.url.appending(path: "float32")
    try FileManager.default.copyItem(
      at: Self.root.appending(path: CompareTests.directory), to: copy)
    let manifest = copy.appending(path: "run.json")
    let text = try String(contentsOf: manifest, encoding: .utf8)
    #expect(text.contains("[14,223,56,266]"))
    try text.replacing("[14,223,56,266]", with: "[14,223,56,267]")
      .write(to: manifest, atomically: true, encoding: .utf8)
    let outcome = try AssayProcess.run(
      ["replay", copy.path, "--model", RecordTests.checkpoint] + Self.wide)
    #expect(outcome.status == 1)
    #expect(outcome.stdout.contains("14, 223, 56, 266"), "\(outcome.stdout)")
    #expect(outcome.stdout.contains("14, 223, 56, 267"))
  }

  @Test func rulesBesideTheGoldenHoldUnlessAnOptionChooses() throws {
    let folder = try TemporaryFolder()
    let golden = folder.path("golden.h5")
    try FileManager.default.copyItem(
      at: Self.root.appending(path: Self.golden), to: URL(filePath: golden))
    let rules = folder.url.appending(path: "tolerances.yml")
    let arguments = ["replay", golden, "--model", RecordTests.checkpoint]
    try Data("rules:\n  - module: \".\"\n    rtol: 1e-4\n    atol: 1e-5\n".utf8).write(to: rules)
    #expect(try AssayProcess.run(arguments).status == 0)
    #expect(try AssayProcess.run(arguments + ["--rtol", "0", "--atol", "0"]).status == 1)
    #expect(
      try AssayProcess.run(
        [
          "replay", Self.golden, "--tolerance-file", rules.path, "--", "assay", "record", "--model",
          RecordTests.checkpoint, "--prompt", RecordTests.prompt, "--max-tokens", "4",
        ], environment: ["PATH": AssayProcess.binaryFolder.path]
      ).status == 0)
    try Data("rules:\n  - module: \".\"\n    rtol: 0\n    atol: 0\n".utf8).write(to: rules)
    #expect(try AssayProcess.run(arguments).status == 1)
    try Data("rules:\n  - modul: x\n".utf8).write(to: rules)
    let broken = try AssayProcess.run(arguments)
    #expect(broken.status == 2)
    #expect(broken.stderr.contains("tolerances.yml"), "\(broken.stderr)")
  }

  @Test func onlyWhatTheGoldenHoldsIsReplayed() throws {
    let folder = try TemporaryFolder()
    let golden = folder.path("golden.h5")
    let configuration = RecordTests.configuration(
      folder, #", "module_call_match": ["model\\.norm$", "lm_head"], "log_step_ids": [0, 2]"#)
    let record =
      "record --model \(RecordTests.checkpoint) --prompt '\(RecordTests.prompt)' --max-tokens 3"
    let recorded = try AssayProcess.shell(
      "assay \(record) --golden \(golden) --intermediate-log-config '\(configuration)'")
    try #require(recorded.status == 0, "\(recorded.stderr)")
    for command in ["", "-- assay \(record)"] {
      let outcome = try AssayProcess.shell(
        "assay replay \(golden) --rtol 0 --atol 0 --format json \(command)")
      #expect(outcome.status == 0, "\(outcome.stderr)")
      let report = try JSONDecoder().decode(
        CompareTests.Report.self, from: Data(outcome.stdout.utf8))
      #expect(report.summary.tensors.compared == 8)
    }
  }

  @Test func aGoldenWithoutARecipeSaysHowToReplayIt() throws {
    let folder = try TemporaryFolder()
    let copy = folder.url.appending(path: "run")
    try FileManager.default.copyItem(
      at: Self.root.appending(path: CompareTests.directory), to: copy)
    try FileManager.default.removeItem(at: copy.appending(path: "run.json"))
    let outcome = try AssayProcess.run(["replay", copy.path])
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains("has no recipe"))
    #expect(outcome.stderr.contains("-- COMMAND"))
  }

  @Test func badUsageLeavesWithStatus2() throws {
    for arguments in [
      [], ["no/such.h5"], [Self.golden, "--"], [Self.golden, "--threads", "0"],
      [Self.golden, "--tolerance", "torch", "--rtol", "1"],
      [Self.golden, "--tolerance-file", "no/such.yml"], [Self.golden, "--model", "no/such"],
      [Self.golden, "--isolated", "--", "true"], [Self.golden, "--model", "x", "--", "true"],
      [Self.golden, "--stop-at-first-divergence", "--", "true"],
    ] {
      let outcome = try AssayProcess.run(["replay"] + arguments)
      #expect(outcome.status == 2, "\(arguments)")
      #expect(!outcome.stderr.isEmpty, "\(arguments)")
      #expect(outcome.stdout.isEmpty, "\(arguments)")
    }
  }
}
