import Foundation
import Testing

/// `assay compare --shard` and `assay merge` on recordings that PyTorch made.
@Suite struct MergeTests {
  static let runs = ["Golden/tiny-llama/bugs/weight-row.h5", "Golden/tiny-llama/float32.h5"]

  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func shard(
    _ shard: String, _ output: String, _ options: [String] = [], runs: [String] = runs,
    environment: [String: String] = [:]
  ) throws -> AssayProcess.Outcome {
    try AssayProcess.run(
      ["compare"] + runs + options + ["--shard", shard, "--output", folder.path(output)],
      environment: environment)
  }

  private func merge(_ parts: [String], _ options: [String] = []) throws -> AssayProcess.Outcome {
    try AssayProcess.run(["merge"] + parts.map(folder.path) + options)
  }

  @Test(arguments: [
    [],
    ["--tolerance", "torch", "--steps", "0-2", "--modules", "layers\\.2,lm_head", "--equal-nan"],
    ["--rtol", "1", "--atol", "10", "--device-map", "cpu=cpu", "--align", "steps"],
  ])
  func mergedPartsMakeTheSameReports(options: [String]) throws {
    let reports = ["md", "json", "html", "txt"]
    var status: Int32?
    for format in reports {
      let whole = try AssayProcess.run(
        ["compare"] + Self.runs + options + [
          "--output", folder.path("whole.\(format)"), "--junit", folder.path("whole.xml"),
        ])
      #expect(status == nil || status == whole.status)
      status = whole.status
    }
    #expect(status == (options.contains("10") ? 0 : 1))
    for number in 1...7 {
      let outcome = try shard("\(number)/7", "part-\(number)", options)
      // The verdict is the merge's.
      #expect(outcome.status == 0 && outcome.stdout.isEmpty, "\(outcome.stderr)")
    }
    let groups = [["part-6", "part-2", "part-3"], ["part-7", "part-1"]]
    for (position, group) in groups.enumerated() {
      let outcome = try merge(group, ["--partial", folder.path("group-\(position)")])
      #expect(outcome.status == 0 && outcome.stdout.isEmpty, "\(outcome.stderr)")
    }
    for format in reports {
      let merged = try merge(
        ["part-5", "group-1", "group-0", "part-4"],
        ["--output", folder.path("merged.\(format)"), "--junit", folder.path("merged.xml")])
      #expect(merged.status == status, "\(merged.stderr)")
      for name in [format, "xml"] {
        let files = try ["whole", "merged"].map {
          try Data(contentsOf: folder.url.appending(path: "\($0).\(name)"))
        }
        #expect(files[0] == files[1], "\(name)")
      }
    }
  }

  @Test func partsThatDoNotGoTogetherAreRefused() throws {
    for number in 1...3 { _ = try shard("\(number)/3", "part-\(number)") }
    func refused(_ parts: [String], _ text: String) throws {
      let outcome = try merge(parts)
      #expect(outcome.status == 2 && outcome.stdout.isEmpty)
      #expect(outcome.stderr.contains(text), "\(outcome.stderr)")
    }
    try refused(["part-1", "part-3"], "shard 2 of 3 is in no part")
    try refused(
      ["part-1", "part-2", "part-3", "part-2"], "part-2 cannot be merged: it holds shard 2")
    _ = try shard("2/3", "other", runs: [Self.runs[1], Self.runs[1]])
    try refused(["part-1", "other", "part-3"], "other cannot be merged: its actual run is")
    _ = try shard("2/3", "loose", ["--rtol", "1"])
    try refused(["part-1", "loose", "part-3"], "--rtol is not given, of this part 1.0")
    _ = try shard("2/4", "quarter")
    try refused(["part-1", "quarter", "part-3"], "it is of 4 shards")
    let part = try Data(contentsOf: folder.url.appending(path: "part-2"))
    try part.dropLast(100).write(to: folder.url.appending(path: "cut"))
    try refused(["part-1", "cut", "part-3"], "cut cannot be merged: it was cut")
    var text = String(decoding: part, as: UTF8.self)
    text.replace("\"mismatchedCount\":0", with: "\"mismatchedCount\":1", maxReplacements: 1)
    try Data(text.utf8).write(to: folder.url.appending(path: "bent"))
    try refused(["part-1", "bent", "part-3"], "bent cannot be merged: it is damaged")
    try refused(["part-1", "none", "part-3"], "none cannot be merged: No such file")
    let run = try AssayProcess.run(["merge", Self.runs[1]])
    #expect(run.status == 2 && run.stderr.contains("it is no part of a comparison"))
  }

  @Test func whatChangedSinceIsRefused() throws {
    let rules = folder.path("tolerances.yml")
    func write(_ rtol: String) throws {
      try Data("rules: [{module: '.*', rtol: \(rtol), atol: 1}]\n".utf8).write(
        to: URL(filePath: rules))
    }
    try write("1")
    let actual = folder.path("actual.h5")
    let root = AssayProcess.packageRoot
    try FileManager.default.copyItem(
      at: root.appending(path: Self.runs[0]), to: URL(filePath: actual))
    for number in 1...2 {
      let outcome = try shard(
        "\(number)/2", "part-\(number)", ["--tolerance-file", rules], runs: [actual, Self.runs[1]])
      #expect(outcome.status == 0, "\(outcome.stderr)")
    }
    #expect(try merge(["part-1", "part-2"]).status < 2)
    try write("2")
    var outcome = try merge(["part-1", "part-2"])
    #expect(outcome.status == 2 && outcome.stderr.contains("tolerances.yml was another file"))
    try write("1")
    try FileManager.default.removeItem(atPath: actual)
    outcome = try merge(["part-1", "part-2"])
    #expect(outcome.status == 2 && outcome.stdout.isEmpty)
    #expect(outcome.stderr.contains("actual.h5: no such file"), "\(outcome.stderr)")
    #expect(outcome.stderr.contains("merge reads the runs again"), "\(outcome.stderr)")
    try FileManager.default.copyItem(
      at: root.appending(path: Self.runs[1]), to: URL(filePath: actual))
    outcome = try merge(["part-1", "part-2"])
    #expect(outcome.status == 2 && outcome.stderr.contains("actual.h5, run"), "\(outcome.stderr)")
  }

  @Test func schedulersTellTheShard() throws {
    func array(_ id: Int, _ first: Int, _ last: Int, count: Int) -> [String: String] {
      [
        "SLURM_ARRAY_TASK_ID": "\(id)", "SLURM_ARRAY_TASK_MIN": "\(first)",
        "SLURM_ARRAY_TASK_MAX": "\(last)", "SLURM_ARRAY_TASK_COUNT": "\(count)",
      ]
    }
    // Arrays begin where they like, completions at 0.
    for (name, argument, environment) in [
      ("a", "slurm", array(1, 1, 3, count: 3)), ("b", "slurm", array(12, 11, 13, count: 3)),
      ("c", "kubernetes/3", ["JOB_COMPLETION_INDEX": "2"]),
    ] {
      let outcome = try shard(argument, name, environment: environment)
      #expect(outcome.status == 0, "\(outcome.stderr)")
    }
    #expect(try merge(["a", "b", "c"]).status == 1)
    for (argument, environment, text) in [
      ("0/3", [:], "shards count from 1"), ("4/3", [:], "shard 4 of 3"),
      ("1/0", [:], "shard 1 of 0"),
      ("3", [:], "--shard takes I/N"), ("1/2/3", [:], "--shard takes I/N"),
      ("slurm", [:], "SLURM_ARRAY_TASK_ID, which is not set"),
      ("slurm", array(4, 1, 7, count: 3), "takes an array without gaps"),
      ("kubernetes", ["JOB_COMPLETION_INDEX": "1"], "--shard takes I/N"),
      ("kubernetes/3", ["JOB_COMPLETION_INDEX": "3"], "shard 4 of 3"),
      ("kubernetes/3", ["JOB_COMPLETION_INDEX": "x"], "JOB_COMPLETION_INDEX, which is \"x\""),
    ] as [(String, [String: String], String)] {
      let outcome = try shard(argument, "none", environment: environment)
      #expect(outcome.status == 2 && outcome.stderr.contains(text), "\(outcome.stderr)")
    }
    #expect(!FileManager.default.fileExists(atPath: folder.path("none")))
  }

  @Test func optionsThatDoNotGoTogetherAreRefused() throws {
    for (arguments, text) in [
      (["compare"] + Self.runs + ["--shard", "1/2"], "--shard needs --output"),
      (
        ["compare"] + Self.runs + ["--shard", "1/2", "--output", "x", "--format", "json"],
        "it excludes --format"
      ),
      (
        ["compare"] + Self.runs + ["--shard", "1/2", "--output", "x", "--suggest-mapping"],
        "it excludes --suggest-mapping"
      ),
      (["merge", "x", "--partial", "y", "--junit", "z"], "it excludes --junit"),
      (["merge"], "Missing expected argument '<part> ...'"),
    ] {
      let outcome = try AssayProcess.run(arguments)
      #expect(outcome.status == 2 && outcome.stderr.contains(text), "\(outcome.stderr)")
    }
  }

  /// An option that decides about the comparison and is not kept with a part would let parts of other
  /// comparisons merge: `CompareCommand.request` has to know it.
  @Test func everyOptionIsKnownToDecideOrNot() throws {
    let deciding: Set = [
      "--dir1", "--dir2", "--tolerance", "--tolerance-file", "--rtol", "--atol", "--equal-nan",
      "--device-map", "--steps", "--modules", "--mapping", "--align", "--request-map", "--logits",
      "--floor", "--placements", "--virtual",
    ]
    let others: Set = [
      "--output", "--format", "--junit", "--verbose", "--summary", "--plots", "--open", "--shard",
      "--suggest-mapping", "--suggest-placements", "--version", "--help",
    ]
    let help = try AssayProcess.run(["compare", "--help"]).stdout
    let found = Set(
      help.split(separator: "\n").compactMap { line -> String? in
        let words = line.split(separator: " ").prefix(2).map {
          $0.trimmingCharacters(in: .punctuationCharacters.subtracting(["-"]))
        }
        guard line.hasPrefix("  "), words.first?.hasPrefix("-") == true else { return nil }
        return words.first { $0.hasPrefix("--") }
      })
    #expect(found == deciding.union(others))
    // What decides is kept, each with its value.
    let floor = Self.runs[1]
    let values = [
      "--rtol": "0.5", "--atol": "0.25", "--device-map": "cpu=cpu", "--steps": "0",
      "--modules": "lm_head", "--align": "steps", "--logits": "lm_head", "--floor": floor,
    ]
    let flags = ["--equal-nan", "--virtual"]
    let outcome = try shard("1/1", "part", values.flatMap { [$0, $1] } + flags)
    #expect(outcome.status == 0, "\(outcome.stderr)")
    let part = try String(contentsOf: folder.url.appending(path: "part"), encoding: .utf8)
    for argument in values.map({ "\"\($0)=\($1)\"" }) + flags.map({ "\"\($0)\"" }) {
      #expect(part.contains(argument))
    }
  }

  @Test func aPartTakesNoGoldensPlace() throws {
    let golden = folder.path("golden.h5")
    try FileManager.default.copyItem(
      at: AssayProcess.packageRoot.appending(path: Self.runs[1]), to: URL(filePath: golden))
    let outcome = try shard("1/2", "golden.h5")
    #expect(outcome.status == 2 && outcome.stderr.contains("holds data and no text"))
  }

  @Test func severalRanksNeedMPI() throws {
    let outcome = try AssayProcess.run(
      ["compare"] + Self.runs, environment: ["OMPI_COMM_WORLD_SIZE": "2"])
    #expect(outcome.status == 2 && outcome.stdout.isEmpty)
    #expect(outcome.stderr.contains("make build MPI=1"))
  }
}
