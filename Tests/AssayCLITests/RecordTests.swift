import Foundation
import Testing

/// `assay record`, held to what PyTorch recorded of the same checkpoint.
@Suite struct RecordTests {
  static let checkpoint = "Golden/tiny-llama/checkpoint"
  static let prompt = "Licensed under the Apache License"

  static func configuration(_ folder: TemporaryFolder, _ members: String = "") -> String {
    #"{"enabled": true, "output_dir": "\#(folder.url.path)"\#(members)}"#
  }

  static func run(in folder: TemporaryFolder) throws -> String {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
    return folder.path(try #require(names.first))
  }

  @Test func float32MatchesPyTorchAtEveryModuleInBothLayouts() throws {
    let folder = try TemporaryFolder()
    let recorded = try AssayProcess.run([
      "record", "--model", Self.checkpoint, "--prompt", Self.prompt, "--max-tokens", "4",
      "--intermediate-log-config", Self.configuration(folder, #", "log_step_ids": []"#),
      "--enforce-eager",
    ])
    try #require(recorded.status == 0, "\(recorded.stderr)")
    let run = try Self.run(in: folder)
    #expect(recorded.stdout.contains(run))
    for layout in [run, run + "/run.h5"] {
      let (status, report) = try CompareTests.compare(
        "--dir1", layout, "--dir2", CompareTests.golden, "--rtol", "1e-4", "--atol", "1e-5")
      #expect(status == 0)
      #expect(report.summary.tensors.compared > 500)
    }
  }

  @Test func aGoldenCarriesItsRecipe() throws {
    let folder = try TemporaryFolder()
    let golden = folder.path("golden.h5")
    let recorded = try AssayProcess.run([
      "record", "--model", Self.checkpoint, "--prompt-token-ids", "0,46,306,70", "--max-tokens",
      "2",
      "--golden", golden,
    ])
    try #require(recorded.status == 0, "\(recorded.stderr)")
    let inspected = try AssayProcess.run(["inspect", golden, "--format", "json"])
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(inspected.stdout.utf8)) as? [String: Any])
    let recipe = try #require(object["recipe"] as? [String: Any])
    #expect(recipe["token_ids"] as? [Int] == [0, 46, 306, 70])
    #expect(recipe["steps"] as? Int == 2)
    #expect((recipe["model_hash"] as? String)?.hasPrefix("sha256:") == true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["golden.h5"])
  }

  @Test func aGoldenThatExistsIsNotReplaced() throws {
    let folder = try TemporaryFolder()
    let (golden, before) = try ApproveTests.golden(in: folder)
    let link = folder.path("link.h5")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "nowhere")
    for path in [golden, link] {
      let outcome = try AssayProcess.run([
        "record", "--model", Self.checkpoint, "--prompt-token-ids", "1,2", "--max-tokens", "1",
        "--golden", path,
      ])
      #expect(outcome.status == 2)
      #expect(outcome.stderr.contains("assay approve FILE \(path)"), "\(outcome.stderr)")
    }
    #expect(try ApproveTests.bytes(golden) == before)
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
    #expect(Set(files) == ["golden.h5", "link.h5"])
  }

  @Test func badConfigurationsNameTheKey() throws {
    for (configuration, key) in [
      (#"{"enabled": true, "output_dirs": "x"}"#, "output_dirs"),
      (#"{"enabled": true, "log_step_ids": 1}"#, "log_step_ids"),
      (#"{"enabled": true, "module_call_match": ["("]}"#, "module_call_match"),
      (#"{"enabled": true, "formats": ["npz"]}"#, "formats"),
      (#"{"enabled": true"#, "JSON"),
      (#"{"log_step_ids": [0]}"#, "enabled"),
    ] {
      let outcome = try AssayProcess.run([
        "record", "--model", Self.checkpoint, "--prompt", "x", "--intermediate-log-config",
        configuration,
      ])
      #expect(outcome.status == 2, "\(configuration)")
      #expect(outcome.stderr.contains(key), "\(configuration): \(outcome.stderr)")
    }
  }

  @Test(arguments: [
    (#", "module_call_match": ["nosuch", "act_fn:1"]"#, "nosuch"),
    (#", "device_names": ["cuda:0"]"#, "cuda:0"), (#", "log_step_ids": [99]"#, "99"),
  ])
  func anEmptyRecordingIsAnErrorAndLeavesNothing(members: String, named: String) throws {
    let folder = try TemporaryFolder()
    let outcome = try AssayProcess.run([
      "record", "--model", Self.checkpoint, "--prompt", "x", "--max-tokens", "1",
      "--intermediate-log-config", Self.configuration(folder, members), "--golden",
      folder.path("golden.h5"),
    ])
    #expect(outcome.status == 2)
    #expect(outcome.stdout.isEmpty)
    #expect(outcome.stderr.contains(named), "\(outcome.stderr)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == [])
  }

  @Test func aPatternThatMatchesNothingIsNamed() throws {
    let folder = try TemporaryFolder()
    let members = #", "module_call_match": ["model\\.norm", "no_such_module"]"#
    let outcome = try AssayProcess.run([
      "record", "--model", Self.checkpoint, "--prompt", "x", "--max-tokens", "1",
      "--intermediate-log-config", Self.configuration(folder, members),
    ])
    #expect(outcome.status == 0)
    #expect(
      outcome.stderr == "Warning: module_call_match: the pattern \"no_such_module\" "
        + "recorded no module call\n")
  }

  @Test(arguments: ["file/runs", "/proc/none"])
  func anOutputDirectoryThatCannotBeMadeIsNamed(directory: String) throws {
    let folder = try TemporaryFolder()
    try Data().write(to: folder.url.appending(path: "file"))
    let path = directory.hasPrefix("/") ? directory : folder.path(directory)
    let outcome = try AssayProcess.run([
      "record", "--model", Self.checkpoint, "--prompt", "x", "--max-tokens", "1",
      "--intermediate-log-config", #"{"enabled": true, "output_dir": "\#(path)"}"#,
    ])
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains("cannot write \(path)"), "\(outcome.stderr)")
    #expect(outcome.stderr.contains(directory.hasPrefix("/") ? "No such file" : "Not a directory"))
  }

  @Test func theEnvironmentConfiguresWhereNoOptionDoes() throws {
    let (folder, other) = (try TemporaryFolder(), try TemporaryFolder())
    let file = folder.url.appending(path: "capture.json")
    let runs = folder.path("runs")
    try Data(#"{"output_dir": "\#(runs)", "formats": ["hdf5"]}"#.utf8).write(to: file)
    let environment = ["ASSAY_INTERMEDIATE_LOG_CONFIG_PATH": file.path]
    let record = ["record", "--model", Self.checkpoint, "--prompt", "x", "--max-tokens", "1"]
    let golden = folder.path("golden.h5")
    let given = try AssayProcess.run(record + ["--golden", golden], environment: environment)
    #expect(given.status == 0, "\(given.stderr)")
    let run = try #require(try FileManager.default.contentsOfDirectory(atPath: runs).first)
    #expect(try FileManager.default.contentsOfDirectory(atPath: runs + "/" + run) == ["run.h5"])
    #expect(FileManager.default.fileExists(atPath: golden))
    let option = ["--intermediate-log-config", Self.configuration(other)]
    #expect(try AssayProcess.run(record + option, environment: environment).status == 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: other.url.path).count == 1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: runs).count == 1)
  }

  @Test(arguments: ["", "no/such.json"])
  func aVariableThatNamesNoFileIsNamed(path: String) throws {
    let outcome = try AssayProcess.run(
      ["record", "--model", Self.checkpoint, "--prompt", "x"],
      environment: ["ASSAY_INTERMEDIATE_LOG_CONFIG_PATH": path])
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains("ASSAY_INTERMEDIATE_LOG_CONFIG_PATH"), "\(outcome.stderr)")
  }

  @Test func badUsageLeavesWithStatus2() throws {
    for arguments in [
      ["--model", Self.checkpoint], ["--model", "no/such/model", "--prompt", "x"],
      ["--model", Self.checkpoint, "--prompt", "x", "--prompt-token-ids", "1"],
      ["--model", Self.checkpoint, "--prompt-token-ids", "99999"],
      ["--model", Self.checkpoint, "--prompt", "x", "--max-tokens", "500"],
      ["--model", Self.checkpoint, "--prompt", "x", "--max-tokens", "0"],
      ["--model", Self.checkpoint, "--prompt", "x", "--dtype", "int4"],
      ["--model", Self.checkpoint, "--prompt", "x", "--ranks", "0"],
      ["--model", Self.checkpoint, "--prompt", "x", "--ranks", "-1"],
    ] {
      let outcome = try AssayProcess.run(["record"] + arguments)
      #expect(outcome.status == 2, "\(arguments)")
      #expect(!outcome.stderr.isEmpty, "\(arguments)")
    }
  }

  @Test func aFullDiskIsAnErrorAndLeavesNoGolden() throws {
    let folder = try TemporaryFolder()
    // A limit on the size of files fails writes as a full disk does, once the signal is ignored.
    let outcome = try AssayProcess.shell(
      "trap '' XFSZ; ulimit -f 64; exec assay record --model \(Self.checkpoint) "
        + "--prompt 'Licensed under' --max-tokens 4 --golden \(folder.path("golden.h5"))")
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains("golden.h5"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == [])
  }

  @Test(arguments: ["pt", "hdf5"])
  func aKilledRecordingKeepsItsCompletedSteps(format: String) throws {
    let folder = try TemporaryFolder()
    let configuration = Self.configuration(
      folder, #", "log_step_ids": [], "formats": ["\#(format)"]"#)
    // The shell waits for the third step to appear on disk, then kills without mercy.
    let probe = format == "pt" ? "test -d */step_3" : "test $(stat -c %s */run.h5) -gt 1300000"
    let outcome = try AssayProcess.shell(
      """
      assay record --model \(Self.checkpoint) --prompt '\(Self.prompt)' --max-tokens 240 \
      --intermediate-log-config '\(configuration)' & pid=$!
      cd \(folder.url.path)
      for i in $(seq 3000); do \(probe) 2>/dev/null && break; sleep 0.01; done
      kill -9 $pid; wait $pid; exit 0
      """)
    #expect(outcome.status == 0)
    let run = try Self.run(in: folder)
    let path = format == "pt" ? run : run + "/run.h5"
    let listing = try AssayProcess.run(["inspect", path])
    #expect(listing.stdout.contains("complete: false"))
    let (status, report) = try CompareTests.compare(
      "--dir1", path, "--dir2", CompareTests.golden, "--rtol", "1e-4", "--atol", "1e-5",
      "--steps", "0,1")
    #expect(status == 0)
    #expect(report.summary.tensors.compared > 200)
  }
}
