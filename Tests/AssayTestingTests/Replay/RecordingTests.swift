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

  @Test func onlyAllReplacesAFileThatIsNoGolden() throws {
    let playground = try Playground()
    let path = playground.file("toy")
    try FileManager.default.createDirectory(
      atPath: playground.goldens, withIntermediateDirectories: true)
    try Data("not HDF5".utf8).write(to: URL(filePath: path))
    let before = FileState(path)
    for mode in RecordMode.allCases where mode != .all {
      let texts = try playground.run {
        try failures { try assertReplay("toy", record: mode, ToyModel().run) }
      }
      #expect(texts.count == 1 && texts[0].contains(path), "\(mode): \(texts)")
      #expect(FileState(path) == before)
    }
    let error = playground.run {
      caught { try verifyReplay("toy", recipe: ToyModel.recipe, record: .all, ToyModel().run) }
    }
    #expect(error?.description.contains("the file that was there could not be read") == true)
    #expect(try playground.run { try verifyReplay("toy", ToyModel().run) }.isMatch)
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
    #expect(try RunLocation.open(playground.file("toy")).steps.count == 2)
  }

  @Test func whatChangedIsSaidAndKept() throws {
    let playground = try Playground()
    try playground.record("toy")
    let old = try RunLocation.open(playground.file("toy")).manifest
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

    let new = try RunLocation.open(playground.file("toy")).manifest
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
    let golden = try RunLocation.open(playground.file("toy"))
    #expect(golden.manifest.recipe == recipe)
    #expect(golden.steps.map(\.step) == [0])
    #expect(golden.steps.flatMap(\.calls).map(\.call.module) == ["second"])
    #expect(try playground.run { try verifyReplay("toy", ToyModel().run) }.isMatch)
  }
}
