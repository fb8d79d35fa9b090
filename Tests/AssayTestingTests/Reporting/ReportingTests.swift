import Assay
import AssayTesting
import AssayTestingSupport
import Foundation
import Testing

/// Where a failure shows besides the test's own output.
@Suite struct ReportingTests {
  private let wrong = ToyModel.with { $0.factor = 4 }

  private func fail(
    _ playground: Playground, _ variables: [String: String] = [:], golden: String = "a/toy"
  ) throws -> [String] {
    try playground.run(variables) {
      try failures { try assertReplay(golden, wrong.run) }
    }
  }

  @Test func theReportIsAFileUntilTheTestPasses() throws {
    let playground = try Playground()
    try playground.record("a/toy")
    let report = playground.artifacts + "/a/toy.fail.md"
    func replay(_ model: ToyModel) throws -> [String] {
      try playground.run {
        try failures { try assertReplay("a/toy", function: "fail()", model.run) }
      }
    }
    // Swift Testing knows the running test better than the assertion's caller does.
    #expect(try replay(wrong).count == 1)
    let name = "a/toy.theReportIsAFileUntilTheTestPasses.md"
    #expect(playground.reports == [name] && !FileManager.default.fileExists(atPath: report))
    let markdown = try String(contentsOfFile: playground.artifacts + "/" + name, encoding: .utf8)
    #expect(markdown.hasPrefix("# Assay comparison: mismatch"))
    #expect(try replay(ToyModel()) == [])
    #expect(playground.reports == [])
  }

  @Test func aReportThatCannotBeWrittenIsSaid() throws {
    let playground = try Playground()
    try playground.record("a/toy")
    try Data().write(to: URL(filePath: playground.artifacts))
    let texts = try fail(playground)
    #expect(texts.count == 1 && texts[0].contains("the report could not be written"))
    #expect(texts.first?.contains("second in step 0") == true)
  }

  @Test func gitHubGetsASummaryAndAnAnnotation() throws {
    let playground = try Playground()
    try playground.record("a/toy")
    let summary = playground.path + "/summary.md"
    let root = URL(filePath: #filePath).deletingLastPathComponent().path
    let texts = try fail(
      playground,
      [
        "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": summary, "GITHUB_WORKSPACE": root,
      ])
    #expect(texts.count == 1)
    let markdown = try String(contentsOfFile: summary, encoding: .utf8)
    #expect(markdown.contains("# Assay comparison: mismatch"))
    let line = try #require(playground.printed.first)
    #expect(playground.printed.count == 1 && !line.contains("\n"))
    #expect(line.hasPrefix("::error file=ReportingTests.swift,line="))
    #expect(line.contains("second in step 0"))
  }

  @Test func anErrorIsAnnotatedToo() throws {
    let playground = try Playground()
    let texts = try fail(
      playground, ["GITHUB_ACTIONS": "true", "ASSAY_RECORD": "never"], golden: "none")
    #expect(texts.count == 1 && playground.printed.count == 1)
    #expect(playground.printed.first?.contains("does not exist") == true)
  }

  @Test func aSummaryThatCannotBeWrittenIsSaid() throws {
    let playground = try Playground()
    try playground.record("a/toy")
    let texts = try fail(playground, ["GITHUB_STEP_SUMMARY": playground.path])
    #expect(texts.count == 1 && texts[0].contains("second in step 0"))
    #expect(texts.first?.contains(playground.path) == true)
    #expect(texts.first?.contains("could not be written") == true)
  }

  @Test func withoutGitHubNothingIsPrinted() throws {
    let playground = try Playground()
    try playground.record("a/toy")
    #expect(try fail(playground, ["CI": "true"]).count == 1)
    #expect(playground.printed == [])
  }

  @Test func continuousIntegrationRecordsNothing() throws {
    let playground = try Playground()
    let texts = try playground.run(["CI": "true"]) {
      try failures { try assertReplay("toy", recipe: ToyModel.recipe, record: .all, wrong.run) }
    }
    #expect(texts.count == 1 && texts[0].contains("does not exist"))
    #expect(texts.first?.contains("ASSAY_RECORD=missing swift test --filter") == true)
    #expect(playground.goldenFiles == [])
  }

  @Test func aCommandThatTheTestsOwnChoiceBeatsIsNotOffered() throws {
    let playground = try Playground()
    try playground.record("toy")
    for mode in [RecordMode.missing, .never] {
      let texts = try playground.run {
        try failures { try assertReplay("toy", record: mode, wrong.run) }
      }
      #expect(texts.count == 1 && !texts[0].contains("ASSAY_RECORD"), "\(mode)")
    }
  }
}
