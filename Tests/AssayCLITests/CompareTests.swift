import Foundation
import Testing

/// `assay compare` on recordings that PyTorch made.
@Suite struct CompareTests {
  static let golden = "Golden/tiny-llama/float32.h5"
  static let directory = "Golden/tiny-llama/float32"

  /// The part of the JSON report that says where the error was born.
  struct Report: Decodable {
    struct Divergence: Decodable {
      var step: Int
      var module: String
      var slot: String
      var cause: String
    }
    struct Call: Decodable { var module: String }
    struct Summary: Decodable {
      struct Tensors: Decodable {
        var total: Int
        var compared: Int
        var matched: Int
        var missing_in_actual: Int
        var missing_in_expected: Int
      }
      struct Steps: Decodable { var total: Int }
      var steps: Steps
      var tensors: Tensors
    }
    var schema: String
    var verdict: String
    var first_divergence: Divergence?
    var introduced: [Call]
    var summary: Summary
  }

  static func compare(_ arguments: String...) throws -> (status: Int32, report: Report) {
    try compare(arguments: arguments)
  }

  static func compare(arguments: [String]) throws -> (status: Int32, report: Report) {
    let outcome = try AssayProcess.run(["compare", "--format", "json"] + arguments)
    let report = try JSONDecoder().decode(Report.self, from: Data(outcome.stdout.utf8))
    return (outcome.status, report)
  }

  @Test func bothLayoutsOfOneRunMatchBitForBit() throws {
    let (status, report) = try Self.compare(
      "--dir1", Self.directory, "--dir2", Self.golden, "--rtol", "0", "--atol", "0")
    #expect(status == 0)
    #expect(report.schema == "assay.comparison/1")
    #expect(report.verdict == "match")
    #expect(report.first_divergence == nil)
    #expect(report.summary.tensors.compared > 500)
    #expect(report.summary.tensors.matched == report.summary.tensors.compared)
  }

  @Test(arguments: [
    ("weight-row", "model.layers.2.mlp.down_proj", "outputs"),
    ("norm-epsilon", "model.layers.1.input_layernorm", "outputs"),
    ("rope-theta", "model.rotary_emb", "outputs_0"),
  ])
  func bugsMadeInPyTorchAreLocated(bug: String, module: String, slot: String) throws {
    let (status, report) = try Self.compare(
      "--dir1", "Golden/tiny-llama/bugs/\(bug).h5", "--dir2", Self.golden)
    #expect(status == 1)
    #expect(report.verdict == "mismatch")
    let divergence = try #require(report.first_divergence)
    #expect(divergence.step == 0)
    #expect(divergence.module == module)
    #expect(divergence.slot == slot)
    #expect(divergence.cause == "introduced")
    #expect(report.introduced.first?.module == module)
  }

  @Test func bfloat16AgainstFloat32IsAMismatchOfDtypes() throws {
    let outcome = try AssayProcess.run([
      "compare", "--dir1", "Golden/tiny-llama/bfloat16.h5", "--dir2", Self.golden,
    ])
    #expect(outcome.status == 1)
    #expect(outcome.stdout.contains("bfloat16"))
  }

  @Test func selectionsThatSelectNothingFail() throws {
    for selection in [["--steps", "9"], ["--modules", "no_such_module"]] {
      let outcome = try AssayProcess.run(
        ["compare", "--dir1", Self.golden, "--dir2", Self.golden] + selection)
      #expect(outcome.status != 0, "\(selection)")
    }
  }

  @Test func selectedStepsAndModulesOnlyAreCompared() throws {
    let (status, report) = try Self.compare(
      "--dir1", Self.directory, "--dir2", Self.golden, "--steps", "1,2", "--modules",
      #"^model\.norm$,lm_head{1,1}$"#)
    #expect(status == 0)
    #expect(report.summary.tensors.total == 8)
  }

  @Test func aMissingTensorFails() throws {
    let folder = try TemporaryFolder()
    let copy = folder.path("run")
    try FileManager.default.copyItem(
      atPath: AssayProcess.packageRoot.appending(path: Self.directory).path, toPath: copy)
    try FileManager.default.removeItem(atPath: copy + "/step_2/lm_head/outputs_cpu.pt")
    let outcome = try AssayProcess.run(["compare", "--dir1", copy, "--dir2", Self.golden])
    #expect(outcome.status != 0)
    #expect((outcome.stdout + outcome.stderr).contains("lm_head"))
  }

  @Test func aDamagedTensorIsNamedAndLeavesWithStatus2() throws {
    let folder = try TemporaryFolder()
    let copy = folder.path("run")
    try FileManager.default.copyItem(
      atPath: AssayProcess.packageRoot.appending(path: Self.directory).path, toPath: copy)
    let victim = URL(filePath: copy + "/step_1/model.norm/outputs_cpu.pt")
    let whole = try Data(contentsOf: victim)
    for damaged in [whole.prefix(whole.count / 2), Data("not a tensor".utf8), Data()] {
      try damaged.write(to: victim)
      let outcome = try AssayProcess.run(["compare", "--dir1", copy, "--dir2", Self.golden])
      #expect(outcome.status == 2)
      #expect((outcome.stdout + outcome.stderr).contains("model.norm"))
    }
  }

  /// A run of one module of the golden, for what does not depend on how much is compared.
  static func smallRun(in folder: TemporaryFolder, device: String = "cpu") throws -> String {
    let run = folder.path("run")
    for step in 0..<4 {
      let source = AssayProcess.packageRoot.appending(path: "\(directory)/step_\(step)/lm_head")
      let target = "\(run)/step_\(step)/lm_head"
      try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
      for slot in ["inputs_0", "outputs"] {
        try FileManager.default.copyItem(
          atPath: source.appending(path: "\(slot)_cpu.pt").path,
          toPath: "\(target)/\(slot)_\(device).pt")
      }
    }
    return run
  }

  @Test func devicesPairByMap() throws {
    let folder = try TemporaryFolder()
    let copy = try Self.smallRun(in: folder, device: "cuda_0")
    let unmapped = try Self.compare(
      "--dir1", copy, "--dir2", Self.golden, "--modules", "lm_head")
    #expect(unmapped.status == 1)
    #expect(unmapped.report.summary.tensors.compared == 0)
    let mapped = try Self.compare(
      "--dir1", copy, "--dir2", Self.golden, "--modules", "lm_head", "--device-map", "cuda:0=cpu")
    #expect(mapped.status == 0)
    #expect(mapped.report.summary.tensors.matched == 8)
  }

  /// Vouched for by the same comparison with the options that vLLM's script has.
  @Test func runsMayBeGivenByPosition() throws {
    let bug = "Golden/tiny-llama/bugs/weight-row.h5"
    let named = try AssayProcess.run(["compare", "--dir1", bug, "--dir2", Self.golden])
    let positional = try AssayProcess.run(["compare", bug, Self.golden])
    #expect(positional.status == 1)
    #expect(positional.stdout == named.stdout)
    #expect(positional.stdout.contains("| path | `\(bug)` | `\(Self.golden)` |"))
  }

  @Test func rangesOfStepsAreSteps() throws {
    let pair = ["--dir1", Self.golden, "--dir2", Self.golden]
    for (steps, count) in [("0-1", 2), ("0-0,2-3", 3), (" 1 - 2 ", 2), ("3", 1)] {
      let (status, report) = try Self.compare(arguments: pair + ["--steps", steps])
      #expect(status == 0)
      #expect(report.summary.steps.total == count, "\(steps)")
    }
    for steps in ["1-0", "-1", "0-", "0--1", "a-b", "0-1-2", "0-99999999999999999999", "0-9999999"]
    {
      let outcome = try AssayProcess.run(["compare"] + pair + ["--steps=\(steps)"])
      #expect(outcome.status == 2, "\(steps)")
      #expect(outcome.stderr.contains("ranges separated by commas, as in 0,4-6"), "\(steps)")
    }
  }

  @Test(arguments: [
    ("report.html", "<!DOCTYPE html>"), ("report.HTM", "<!DOCTYPE html>"), ("report.json", "{"),
    ("report.txt", "Match"), ("report.md", "# Assay comparison"), ("report", "# Assay comparison"),
  ])
  func theOutputsNameChoosesTheFormat(name: String, start: String) throws {
    let folder = try TemporaryFolder()
    let run = try Self.smallRun(in: folder)
    for command in [
      ["compare", run, run], ["replay", Self.golden] + EngineReplayTests.wide,
    ] {
      let outcome = try AssayProcess.run(command + ["-o", folder.path(name)])
      #expect(outcome.status == 0, "\(outcome.stderr)")
      let text = try String(contentsOfFile: folder.path(name), encoding: .utf8)
      #expect(text.prefix(200).contains(start), "\(text.prefix(200))")
    }
    let chosen = try AssayProcess.run([
      "compare", run, run, "-o", folder.path(name), "--format", "json",
    ])
    #expect(chosen.status == 0)
    #expect(try String(contentsOfFile: folder.path(name), encoding: .utf8).hasPrefix("{"))
    let summary = try AssayProcess.run(
      ["compare", run, run, "--summary", "-o", folder.path("summary.html")])
    #expect(summary.status == 2)
    #expect(summary.stderr.contains("--summary is markdown; it excludes --output"))
  }

  @Test(arguments: [
    (["compar"], "did you mean compare?"), (["help", "recrod"], "did you mean record?"),
    (["nonsense", "x"], "there is no command \"nonsense\"\n"),
    (["help", "nonsense"], "\"nonsense\""),
    (["a.h5", "b.h5"], "The commands are record, replay, approve, compare,"),
  ])
  func anUnknownCommandIsNamed(arguments: [String], part: String) throws {
    let outcome = try AssayProcess.run(arguments)
    #expect(outcome.status == 2)
    #expect(outcome.stdout.isEmpty)
    #expect(outcome.stderr.contains(part), "\(outcome.stderr)")
  }

  @Test(arguments: [
    [], ["help"], ["help", "compare"], ["--help"], ["compare", "--help"], ["help", "help"],
    ["--version"],
  ])
  func helpEndsWell(arguments: [String]) throws {
    let outcome = try AssayProcess.run(arguments)
    #expect(outcome.status == 0)
    #expect(outcome.stderr.isEmpty && !outcome.stdout.isEmpty)
  }

  @Test func badUsageAndAbsentRunsLeaveWithStatus2() throws {
    let golden = Self.golden
    for arguments in [
      [golden], [golden, golden, golden], [golden, "--dir2", golden], ["--dir2", golden],
      [golden, golden, "--dir1", golden],
      [], ["--dir1", golden], ["--dir1", golden, "--dir2", "no/such/run"],
      ["--dir1", golden, "--dir2", golden, "--rtol", "-1"],
      ["--dir1", golden, "--dir2", golden, "--rtol", "nan"],
      ["--dir1", golden, "--dir2", golden, "--steps", "one"],
      ["--dir1", golden, "--dir2", golden, "--modules", "("],
      ["--dir1", golden, "--dir2", golden, "--device-map", "cuda:0"],
      ["--dir1", golden, "--dir2", golden, "--tolerance", "torch", "--rtol", "1"],
      ["--dir1", golden, "--dir2", golden, "--tolerance", "tolerances.yml"],
      ["--dir1", golden, "--dir2", golden, "--tolerance-file", "no/such.yml"],
      ["--dir1", golden, "--dir2", golden, "--tolerance-file", "x.yml", "--atol", "1"],
      ["--dir1", golden, "--dir2", golden, "--floor", "no/such.h5"],
      ["--dir1", golden, "--dir2", golden, "--format", "xml"],
      ["--dir1", golden, "--dir2", "README.md"],
      ["--dir1", golden, "--dir2", golden, "--output", "/no/such/folder/report.md"],
    ] {
      let outcome = try AssayProcess.run(["compare"] + arguments)
      #expect(outcome.status == 2, "\(arguments)")
      #expect(!outcome.stderr.isEmpty, "\(arguments)")
    }
  }

  @Test func aReportThatCannotBeWrittenIsAFailure() throws {
    let outcome = try AssayProcess.shell(
      "assay compare --dir1 \(Self.golden) --dir2 \(Self.golden) >/dev/full")
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains("No space left on device"))
  }

  @Test func severalRunsAreListed() throws {
    let folder = try TemporaryFolder()
    for name in ["one", "two"] {
      try FileManager.default.copyItem(
        atPath: AssayProcess.packageRoot.appending(path: Self.directory).path,
        toPath: folder.path(name))
    }
    let outcome = try AssayProcess.run([
      "compare", "--dir1", folder.url.path, "--dir2", Self.golden,
    ])
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains("one") && outcome.stderr.contains("two"))
    try FileManager.default.removeItem(atPath: folder.path("two"))
    let one = try AssayProcess.run(["compare", "--dir1", folder.url.path, "--dir2", Self.golden])
    #expect(one.status == 0)
  }
}
