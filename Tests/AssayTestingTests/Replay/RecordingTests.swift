import Assay
import AssayTesting
import AssayTestingSupport
import Foundation
import Testing

/// What a recording leaves alone, keeps and says, beyond the table.
@Suite struct RecordingTests {
  struct Broken: Error, Equatable {}

  private func caught(_ body: () throws -> RunComparison) -> ReplayTestError? {
    do {
      _ = try body()
      return nil
    } catch {
      return error as? ReplayTestError
    }
  }

  @Test(arguments: RecordMode.allCases)
  func aModelThatThrowsLeavesTheGoldenAlone(_ mode: RecordMode) throws {
    let playground = try Playground()
    try playground.record("toy")
    let before = FileState(playground.file("toy"))
    func breaking(_ probe: Probe) throws {
      try ToyModel.with { $0.factor = 9 }.run(probe)
      throw Broken()
    }
    #expect(throws: Broken()) {
      _ = try playground.run { try verifyReplay("toy", record: mode) { try breaking($0) } }
    }
    let texts = try playground.run {
      try failures { try assertReplay("toy", record: mode) { try breaking($0) } }
    }
    #expect(texts == ["Golden \"toy\": Broken()"])
    #expect(FileState(playground.file("toy")) == before)
    #expect(playground.goldenFiles == ["toy.h5"])
  }

  @Test func aModelThatThrowsLeavesNoFirstGolden() throws {
    let playground = try Playground()
    let texts = try playground.run {
      try failures {
        try assertReplay("a/toy", recipe: ToyModel.recipe) { probe in
          try ToyModel().run(probe)
          throw Broken()
        }
      }
    }
    #expect(texts == ["Golden \"a/toy\": Broken()"])
    #expect(playground.goldenFiles == [])
  }

  @Test func aFirstRecordingWithoutARecipeAsksForOne() throws {
    let playground = try Playground()
    let texts = try playground.run {
      try failures { try assertReplay("toy") { _ = try $0.recipe } }
    }
    #expect(texts.count == 1 && texts[0].contains("pass `recipe:`"))
    #expect(playground.goldenFiles == [])
  }

  @Test(arguments: [RecordMode.missing, .never])
  func aNameWithoutAGoldenIsNamedAndLeavesNoFolder(_ mode: RecordMode) throws {
    let playground = try Playground()
    try playground.record("set/toy")
    for body in [{ _ in }, { _ = try $0.recipe }, { _ = try $0.input("first") }]
      as [@Sendable (Probe) throws -> Void]
    {
      let texts = try playground.run {
        try failures { try assertReplay("sets/toy", record: mode, body) }
      }
      try #require(texts.count == 1)
      #expect(texts[0].contains(playground.file("sets/toy") + " does not exist"), "\(texts)")
      #expect(texts[0].contains("(did you mean \"set/toy\"?)"), "\(texts)")
      #expect(!FileManager.default.fileExists(atPath: playground.goldens + "/sets"))
    }
    let texts = try playground.run {
      try failures { try assertModule("set/toi", matching: "first") { try $0[0] } }
    }
    #expect(texts.count == 1 && texts[0].contains("did you mean \"set/toy\"?"), "\(texts)")
  }

  @Test func aNewGoldenWithANearNameIsQuestioned() throws {
    let playground = try Playground()
    try playground.record("set/toy")
    for (name, isNear) in [("set/toi", true), ("set/quite-another", false)] {
      let texts = try playground.run {
        try failures { try assertReplay(name, recipe: ToyModel.recipe, ToyModel().run) }
      }
      #expect(texts.count == 1 && texts[0].contains("was recorded"), "\(texts)")
      #expect(
        texts[0].contains("(did you mean \"set/toy\"? Then remove the new file.)") == isNear,
        "\(texts)")
    }
  }

  @Test func anUnknownModeRunsNothing() throws {
    let playground = try Playground()
    var hasRun = false
    let texts = try playground.run(["ASSAY_RECORD": "yes"]) {
      try failures { assertReplay("toy", record: .all) { _ in hasRun = true } }
    }
    #expect(
      texts == ["Golden \"toy\": ASSAY_RECORD is \"yes\"; it can be missing, all, failed, never"])
    #expect(!hasRun && playground.goldenFiles == [])
  }

  @Test(arguments: RecordMode.allCases)
  func noModeReplacesWhatStandsForAGolden(_ mode: RecordMode) throws {
    let playground = try Playground()
    let path = playground.file("toy")
    for folder in [playground.goldens, playground.path + "/.git"] {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
    func expect(_ part: String) throws {
      let texts = try playground.run {
        try failures {
          try assertReplay("toy", recipe: ToyModel.recipe, record: mode, ToyModel().run)
        }
      }
      #expect(texts.count == 1 && texts[0].contains(path), "\(texts)")
      #expect(texts.joined().contains(part), "\(texts)")
      let modules = try playground.run {
        try failures { try assertModule("toy", matching: "first") { try $0[0] } }
      }
      #expect(modules.count == 1 && modules[0].contains(part), "\(modules)")
    }
    // What a checkout without `git lfs pull` has in the place of PyTorch's golden.
    try Data("version https://git-lfs.github.com/spec/v1\n".utf8).write(to: URL(filePath: path))
    let before = FileState(path)
    try expect("lfs pull --include=Golden/toy.h5")
    #expect(FileState(path) == before)
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.createSymbolicLink(
      atPath: path, withDestinationPath: "../.git/annex/objects/zz/SHA256E-s9--4d7a.h5")
    try expect("annex get Golden/toy.h5")
    try FileManager.default.removeItem(atPath: path)
    try Data("outs:\n".utf8).write(to: URL(filePath: path + ".dvc"))
    try expect("pull Golden/toy.h5")
    #expect(playground.goldenFiles == ["toy.h5.dvc"])
  }

  private static var aged: Provenance {
    // Replaced once by a test, when approvals did not say yet what they replaced.
    var provenance = Provenance(
      tool: "AssayTesting", toolVersion: "0.1.0", created: "2026-01-01T00:00:00Z")
    provenance.approvals = [Approval(from: "a", to: "b")]
    return provenance
  }

  @Test(arguments: [
    (Playground.pytorch, "assay_torch 0.1.0 with pytorch 2.13.0 at 2026-01-01T00:00:00Z made it"),
    (nil, "an unknown tool made it"), (.current(), "assay "), (aged, "nobody knows what made it"),
  ])
  func aGoldenThatNoTestMadeIsNeverRecorded(_ provenance: Provenance?, _ part: String) throws {
    let playground = try Playground()
    try playground.record("toy")
    try playground.disown("toy", as: provenance)
    let before = FileState(playground.file("toy"))
    let wrong = ToyModel.with { $0.factor = 9 }
    var hasRun = false
    let error = playground.run {
      caught { try verifyReplay("toy", record: .all) { _ in hasRun = true } }
    }
    #expect(error?.description.contains("is not recorded by a test: ") == true && !hasRun)
    #expect(error?.description.contains(part) == true, "\(String(describing: error))")
    let texts = try playground.run {
      try failures { try assertReplay("toy", record: .failed, wrong.run) }
    }
    let command = "again, and: assay approve RUN \(playground.file("toy")) --message WHY"
    #expect(texts.count == 1 && texts[0].contains(command), "\(texts)")
    #expect(!texts.joined().contains("ASSAY_RECORD"))
    #expect(FileState(playground.file("toy")) == before)
    #expect(playground.goldenFiles == ["toy.h5"])
  }

  @Test func approvingAPortsRunDoesNotMakeTheGoldenATests() throws {
    let playground = try Playground()
    try playground.record("toy")
    try playground.disown("toy", as: Playground.pytorch)
    try playground.record("port", .with { $0.factor = 9 })
    try GoldenFile(path: playground.file("toy")).approve(
      openRun(at: playground.file("port")), approval: Approval(to: "", reason: "rounding"))
    let manifest = try openRun(at: playground.file("toy")).manifest
    #expect(manifest.provenance?.approvals?.map(\.replaced?.tool) == ["assay_torch"])
    #expect(manifest.approvalLog.contains("made by assay_torch 0.1.0 with pytorch"))
    let before = FileState(playground.file("toy"))
    let error = playground.run {
      caught { try verifyReplay("toy", record: .all, ToyModel().run) }
    }
    #expect(
      error?.description.contains("it took the place of what assay_torch 0.1.0") == true,
      "\(String(describing: error))")
    let texts = try playground.run {
      try failures { try assertReplay("toy", record: .failed, ToyModel().run) }
    }
    #expect(texts.count == 1 && texts[0].contains("approved by"), "\(texts)")
    #expect(!texts.joined().contains("ASSAY_RECORD"))
    #expect(FileState(playground.file("toy")) == before)
  }

  @Test func aGoldenOfAnotherModelIsNotRecorded() throws {
    let playground = try Playground()
    var recipe = ToyModel.recipe
    recipe.modelHash = "sha256:original"
    let first = playground.run {
      caught { try verifyReplay("toy", recipe: recipe, ToyModel().run) }
    }
    guard case .recorded = first else {
      Issue.record("nothing was recorded: \(String(describing: first))")
      return
    }
    recipe.modelHash = "sha256:port"
    let error = playground.run {
      caught { try verifyReplay("toy", recipe: recipe, record: .all, ToyModel().run) }
    }
    #expect(
      error?.description.contains(
        "it is of the model sha256:original, and the test's is sha256:port")
        == true, "\(String(describing: error))")
    #expect(
      try !playground.run {
        try verifyReplay(
          "toy", recipe: recipe, record: .failed, ToyModel.with { $0.factor = 9 }.run)
      }.isMatch)
  }

  @Test func anIsolatedReplayRecordsNothing() throws {
    let playground = try Playground()
    let different = ToyModel.with { $0.factor = 7 }
    for mode in RecordMode.allCases {
      let error = playground.run {
        caught {
          try verifyReplay("toy", recipe: ToyModel.recipe, record: mode, isolated: true) {
            try different.run($0)
          }
        }
      }
      #expect(error != nil && playground.goldenFiles == [], "\(mode)")
    }
    try playground.record("toy")
    let before = FileState(playground.file("toy"))
    let comparison = try playground.run {
      try verifyReplay("toy", record: .failed, isolated: true, different.run)
    }
    #expect(!comparison.isMatch)
    let error = playground.run {
      caught { try verifyReplay("toy", record: .all, isolated: true, different.run) }
    }
    #expect(error?.description.contains("isolated") == true)
    #expect(FileState(playground.file("toy")) == before)
  }

  @Test func aStopIsNoReasonToRecordHalfARun() throws {
    let playground = try Playground()
    try playground.record("toy")
    let error = playground.run {
      caught {
        try verifyReplay("toy", record: .failed, stopAtFirstDivergence: true) {
          try ToyModel.with { $0.factor = 9 }.run($0)
        }
      }
    }
    guard case .recorded = error else {
      Issue.record("nothing was recorded: \(String(describing: error))")
      return
    }
    #expect(try openRun(at: playground.file("toy")).steps.count == 2)
  }

  @Test func whatChangedIsSaidAndKept() throws {
    let playground = try Playground()
    try playground.record("toy")
    let old = try openRun(at: playground.file("toy")).manifest
    let texts = try playground.run {
      try failures {
        try assertReplay("toy", record: .failed) { try ToyModel.with { $0.factor = 9 }.run($0) }
      }
    }
    #expect(texts.count == 1 && texts[0].contains("2 changed"))
    let report = "toy.whatChangedIsSaidAndKept.md"
    #expect(playground.reports == [report])
    let markdown = try String(
      contentsOfFile: playground.artifacts + "/" + report, encoding: .utf8)
    #expect(markdown.contains("second"))

    let new = try openRun(at: playground.file("toy")).manifest
    let approvals = try #require(new.provenance?.approvals)
    #expect(approvals.map(\.from) == [nil, old.id])
    #expect(approvals.map(\.to) == [old.id, new.id])
    #expect(
      approvals.last?.reason
        == "recorded by AssayTestingTests.RecordingTests/whatChangedIsSaidAndKept")
  }

  @Test func anotherRecipeAndConfigurationHoldFromTheNextRecordingOn() throws {
    let playground = try Playground()
    try playground.record("toy")
    var recipe = ToyModel.recipe
    recipe.tokenIDs = [7]
    var capturing = CaptureConfiguration()
    capturing.steps = [0]
    capturing.modules = ModuleFilter(rules: [try ModuleFilter.Rule("second")])
    func replay(_ mode: RecordMode) throws -> [Int] {
      var tokens: [Int] = []
      do {
        _ = try verifyReplay("toy", recipe: recipe, record: mode, capturing: capturing) { probe in
          tokens = try probe.recipe.tokenIDs
          try ToyModel().run(probe)
        }
      } catch ReplayTestError.recorded {}
      return tokens
    }
    #expect(try playground.run { try replay(.never) } == ToyModel.recipe.tokenIDs)
    #expect(try playground.run { try replay(.all) } == [7])
    let golden = try openRun(at: playground.file("toy"))
    #expect(golden.manifest.recipe == recipe)
    #expect(golden.steps.map(\.index) == [0])
    #expect(golden.steps.flatMap(\.calls).map(\.call.module) == ["second"])
    #expect(try playground.run { try verifyReplay("toy", ToyModel().run) }.isMatch)
  }
}
