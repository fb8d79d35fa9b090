import Foundation
import Testing

#if canImport(FoundationXML)
import FoundationXML
#endif

/// What `assay replay` and `assay compare` write besides the report on standard output.
@Suite struct ReplayReportTests {
  static let other = ["--rtol", "0", "--atol", "0"]

  /// Counts what a JUnit file holds.
  final class JUnitReader: NSObject, XMLParserDelegate {
    var suites = 0
    var cases: [String] = []
    var failures = 0
    var declared: Int?
    var isMarked = false

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
      qualifiedName: String?, attributes: [String: String]
    ) {
      switch name {
      case "testsuites": declared = attributes["tests"].flatMap { Int($0) }
      case "testsuite": suites += 1
      case "testcase":
        cases.append(attributes["name"] ?? "")
        isMarked = false
      case "failure", "error":
        if !isMarked { failures += 1 }
        isMarked = true
      default: break
      }
    }
  }

  static func junit(_ path: String) throws -> JUnitReader {
    let reader = JUnitReader()
    let parser = XMLParser(data: try Data(contentsOf: URL(filePath: path)))
    parser.delegate = reader
    try #require(parser.parse(), "\(String(describing: parser.parserError))")
    return reader
  }

  @Test func junitHasASuiteForEachStepAndACaseForEachCall() throws {
    let folder = try TemporaryFolder()
    let file = folder.path("junit.xml")
    let green = try AssayProcess.run(
      ["replay", CompareTests.golden, "--junit", file] + EngineReplayTests.wide)
    #expect(green.status == 0, "\(green.stderr)")
    let passed = try Self.junit(file)
    // And one for the comparison as a whole.
    #expect(passed.suites == 5)
    #expect(passed.cases.count == 229)
    #expect(passed.declared == 229)
    #expect(passed.failures == 0)
    let red = try AssayProcess.run([
      "compare", "--dir1", "Golden/tiny-llama/bugs/weight-row.h5", "--dir2", CompareTests.golden,
      "--junit", file,
    ])
    #expect(red.status == 1)
    let failed = try Self.junit(file)
    #expect(failed.cases.count == 229)
    // The calls, and the comparison as a whole.
    #expect(failed.failures == 77)
  }

  @Test(arguments: ["--output", "--junit"])
  func noReportTakesAGoldensPlace(option: String) throws {
    let folder = try TemporaryFolder()
    let (golden, before) = try ApproveTests.golden(in: folder)
    let link = folder.path("link.h5")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: golden)
    for path in [golden, link] {
      let outcome = try AssayProcess.run(
        ["compare", "--dir1", golden, "--dir2", CompareTests.golden, option, path])
      #expect(outcome.status == 2)
      #expect(outcome.stderr.contains("\(path) holds data and no text"), "\(outcome.stderr)")
    }
    #expect(try ApproveTests.bytes(golden) == before)
    let type = try FileManager.default.attributesOfItem(atPath: link)[.type]
    #expect(type as? FileAttributeType == .typeSymbolicLink)
  }

  @Test func theAnnotationOfCompareSpeaksOfNoGolden() throws {
    let outcome = try AssayProcess.run(
      [
        "compare", "--dir1", "Golden/tiny-llama/bugs/weight-row.h5", "--dir2", CompareTests.golden,
      ], environment: ["GITHUB_ACTIONS": "true"])
    #expect(outcome.status == 1)
    #expect(
      outcome.stderr.hasPrefix(
        "::error file=\(CompareTests.golden),title=compare differs::The actual run does not match "
          + "the expected one: model.layers.2.mlp.down_proj in step 0: "), "\(outcome.stderr)")
    #expect(outcome.stderr.contains("%0A  expected:  \(CompareTests.golden)"))
    #expect(!outcome.stderr.lowercased().contains("golden "), "\(outcome.stderr)")
  }

  @Test func reportsGoToTheDirectory() throws {
    let folder = try TemporaryFolder()
    let directory = folder.path("a/reports")
    let outcome = try AssayProcess.run(
      ["replay", CompareTests.golden, "--report-dir", directory] + Self.other)
    #expect(outcome.status == 1)
    #expect(
      try String(contentsOfFile: directory + "/float32.md", encoding: .utf8) == outcome.stdout)
    let report = try JSONDecoder().decode(
      CompareTests.Report.self, from: Data(contentsOf: URL(filePath: directory + "/float32.json")))
    #expect(report.verdict == "mismatch")
  }

  @Test func withAReportFileWhatFailedStandsOnStandardError() throws {
    let folder = try TemporaryFolder()
    let file = folder.path("report.md")
    let red = try AssayProcess.run(["replay", CompareTests.golden, "--output", file] + Self.other)
    #expect(red.status == 1)
    #expect(red.stdout.isEmpty)
    #expect(red.stderr.contains(CompareTests.golden))
    #expect(red.stderr.contains(file))
    #expect(red.stderr.split(separator: "\n").count <= 20)
    let green = try AssayProcess.run(
      ["replay", CompareTests.golden, "--output", file] + EngineReplayTests.wide)
    #expect(green.status == 0)
    #expect((green.stdout + green.stderr).isEmpty)
  }

  @Test func gitHubGetsASummaryAndAnAnnotation() throws {
    let folder = try TemporaryFolder()
    let summary = folder.url.appending(path: "summary.md")
    try Data("# Before\n".utf8).write(to: summary)
    let environment = ["GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": summary.path]
    let red = try AssayProcess.run(
      ["replay", CompareTests.golden] + Self.other, environment: environment)
    #expect(red.status == 1)
    let annotations = red.stderr.split(separator: "\n").filter { $0.hasPrefix("::") }
    #expect(annotations.count == 1)
    let annotation = try #require(annotations.first)
    #expect(annotation.hasPrefix("::error file=Golden/tiny-llama/float32.h5,title="))
    #expect(annotation.contains("%0A"))
    let text = try String(contentsOf: summary, encoding: .utf8)
    #expect(text.hasPrefix("# Before\n"))
    #expect(text.contains("# Assay comparison: mismatch"))

    let green = try AssayProcess.run(
      ["replay", CompareTests.golden] + EngineReplayTests.wide, environment: environment)
    #expect(green.status == 0)
    #expect(!green.stderr.contains("::error"))
    #expect(try String(contentsOf: summary, encoding: .utf8).contains("# Assay comparison: match"))
  }

  @Test func gitHubIsToldOfAReplayThatCouldNotBeDone() throws {
    let broken = try AssayProcess.run(
      ["replay", CompareTests.golden, "--model", "/no/such/checkpoint"],
      environment: ["GITHUB_ACTIONS": "true"])
    #expect(broken.status == 2)
    let annotations = broken.stderr.split(separator: "\n").filter { $0.hasPrefix("::") }
    #expect(annotations.count == 1)
    let annotation = try #require(annotations.first)
    #expect(
      annotation.hasPrefix(
        "::error file=Golden/tiny-llama/float32.h5,title=float32 could not be replayed::"))
    #expect(annotation.contains("/no/such/checkpoint"))
    #expect(broken.stderr.contains("\nError: ") || broken.stderr.hasPrefix("Error: "))
  }

  @Test func outsideOfGitHubNothingIsAnnotated() throws {
    let outcome = try AssayProcess.run(["replay", CompareTests.golden] + Self.other)
    #expect(outcome.status == 1)
    #expect(!(outcome.stdout + outcome.stderr).contains("::error"))
  }

  @Test func aSummaryThatCannotBeWrittenChangesNoVerdict() throws {
    let outcome = try AssayProcess.run(
      ["replay", CompareTests.golden] + EngineReplayTests.wide,
      environment: ["GITHUB_STEP_SUMMARY": "/no/such/folder/summary.md"])
    #expect(outcome.status == 0)
    #expect(outcome.stderr.contains("Warning: "))
    #expect(outcome.stderr.contains("/no/such/folder/summary.md"))
  }
}
