import Foundation
import Testing

/// `assay check`: its statuses, its selections and its formats.
@Suite struct CheckTests {
  private static let sick = "Tests/AssayComparisonTests/Fixtures/health/sick.h5"

  @Test func aHealthyRunIsStatusZero() throws {
    let outcome = try AssayProcess.run(["check", CompareTests.golden, "--format", "text"])
    #expect(outcome.status == 0)
    #expect(outcome.stdout.hasPrefix("✓ Healthy: 560 tensors (127855 elements) checked"))
  }

  @Test func aFindingIsStatusOne() throws {
    let outcome = try AssayProcess.run(["check", Self.sick])
    #expect(outcome.status == 1 && outcome.stderr.isEmpty)
    #expect(outcome.stdout.hasPrefix("# Assay check: unhealthy\n\n❌ **Unhealthy**: 18 findings; "))
    #expect(outcome.stdout.contains("Made inside `between`, after `q`, before `o`;"))
    let summary = try AssayProcess.run(["check", Self.sick, "--summary"])
    #expect(summary.status == 1)
    #expect(summary.stdout.split(separator: "\n", omittingEmptySubsequences: false).count <= 30)
  }

  @Test func stepsAndModulesAreSelected() throws {
    let outcome = try AssayProcess.run(
      ["check", Self.sick, "--steps", "1", "--modules", "^(dead|after)$", "--format", "json"])
    #expect(outcome.status == 1)
    let report = try JSONSerialization.jsonObject(with: Data(outcome.stdout.utf8)) as? [String: Any]
    let findings = report?["findings"] as? [[String: Any]]
    #expect(findings?.map { $0["kind"] as? String } == ["all_zero"])
    #expect(findings?.first?["step"] as? Int == 1)
    let fine = try AssayProcess.run(["check", Self.sick, "--modules", "^explode.0$"])
    #expect(fine.status == 0)
  }

  @Test func theOutputsNameChoosesTheFormatAndNoGoldenIsReplaced() throws {
    let folder = try TemporaryFolder()
    let outcome = try AssayProcess.run(
      ["check", Self.sick, "--steps", "0-1", "-o", folder.path("health.html")])
    #expect(outcome.status == 1, "\(outcome.stderr)")
    let page = try String(contentsOfFile: folder.path("health.html"), encoding: .utf8)
    #expect(page.hasPrefix("<!DOCTYPE html>") || page.hasPrefix("<!doctype html>"))
    let (golden, before) = try ApproveTests.golden(in: folder)
    let refused = try AssayProcess.run(["check", golden, "--output", golden])
    #expect(refused.status == 2 && refused.stderr.contains("holds data and no text"))
    #expect(try ApproveTests.bytes(golden) == before)
  }

  @Test func nothingToCheckIsStatusTwo() throws {
    for arguments in [["--steps", "9"], ["--modules", "no such"]] {
      let outcome = try AssayProcess.run(["check", Self.sick] + arguments)
      #expect(outcome.status == 2)
      #expect(outcome.stderr.contains("Error: nothing was checked"))
      #expect(
        outcome.stdout.contains("was selected") || outcome.stdout.contains("matches no module"))
    }
    let missing = try AssayProcess.run(["check", "no/such/run"])
    #expect(missing.status == 2 && missing.stdout.isEmpty)
  }

  @Test func anUnreadableTensorIsStatusTwo() throws {
    let folder = try TemporaryFolder()
    let run = folder.path("run")
    #expect(try AssayProcess.run(["convert", Self.sick, run]).status == 0)
    let files = try FileManager.default.subpathsOfDirectory(atPath: run)
    let victim = try #require(
      files.first { $0.contains("step_1/near/outputs") && $0.hasSuffix(".pt") })
    try Data("PK".utf8).write(to: URL(filePath: run + "/" + victim))
    let outcome = try AssayProcess.run(["check", run, "--junit", folder.path("junit.xml")])
    #expect(outcome.status == 2 && outcome.stderr.contains("a tensor could not be read"))
    #expect(outcome.stdout.contains("- **Unreadable**: step 1 near outputs on cpu: "))
    let junit = try String(contentsOfFile: folder.path("junit.xml"), encoding: .utf8)
    #expect(junit.contains("<error type=\"unreadable\""))
  }

  @Test func reportsAndAnnotationsAreWritten() throws {
    let folder = try TemporaryFolder()
    let outcome = try AssayProcess.run(
      ["check", Self.sick, "--format", "html", "-o", folder.path("check.html")],
      environment: [
        "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": folder.path("summary.md"),
      ])
    #expect(outcome.status == 1 && outcome.stdout.isEmpty)
    #expect(outcome.stderr.hasPrefix("::error file=\(Self.sick),title="))
    #expect(
      outcome.stderr.contains("is not healthy%3A") || outcome.stderr.contains("is not healthy:"))
    let page = try String(contentsOfFile: folder.path("check.html"), encoding: .utf8)
    #expect(page.contains("<h2 id=\"non_finite\">NaN and infinity</h2>"))
    let summary = try String(contentsOfFile: folder.path("summary.md"), encoding: .utf8)
    #expect(summary.hasPrefix("# Assay check: unhealthy"))
    let wrong = try AssayProcess.run(["check", Self.sick, "--summary", "--format", "json"])
    #expect(wrong.status == 2)
  }
}
