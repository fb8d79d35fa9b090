import Assay
import Foundation
import Testing

/// An assertion under way: it ends by judging a comparison or by failing on an error.
struct Assertion: Sendable {
  let golden: String
  let site: TestSite
  /// What is judged: a golden, or a run that is none.
  private let subject: String
  private let number: Int

  init(golden: String, site: TestSite) {
    self.init(golden, "golden", site)
  }

  init(run: String, site: TestSite) {
    self.init(run, "run", site)
  }

  private init(_ name: String, _ subject: String, _ site: TestSite) {
    golden = name
    self.subject = subject
    self.site = site
    number = ExitGuard.begin(name)
  }

  /// Fails the test unless the comparison is a match.
  ///
  /// - Parameter rerecord: The command that records the golden again, where one does.
  func judge(_ comparison: RunComparison, rerecord: String? = nil) {
    defer { ExitGuard.end(number) }
    let report = ReportFile(golden: golden, site: site)
    if comparison.isMatch {
      report.remove()
      return
    }
    let markdown = MarkdownReport.render(comparison)
    let remarks = publish(markdown, report)
    let text = FailureText.render(
      comparison, headline: golden, goldenPath: comparison.expected.path,
      reportPath: remarks.isEmpty ? report.path : nil, rerecord: rerecord)
    fail(([text] + remarks).joined(separator: "\n"))
  }

  /// Fails the test unless a run is healthy.
  func judge(_ health: RunHealth) {
    defer { ExitGuard.end(number) }
    let report = ReportFile(golden: golden, site: site)
    if health.isHealthy {
      report.remove()
      return
    }
    let remarks = publish(MarkdownReport.render(health), report)
    let text = FailureText.render(
      health, headline: golden, reportPath: remarks.isEmpty ? report.path : nil)
    fail(([text] + remarks).joined(separator: "\n"))
  }

  /// Fails the test on whatever kept it from a comparison.
  func fail(_ error: any Error) {
    defer { ExitGuard.end(number) }
    var lines = ["\(subject.capitalized) \"\(golden)\": \(error)"]
    if case .recorded(_, let changes?, _) = error as? ReplayTestError {
      let report = ReportFile(golden: golden, site: site)
      let remarks = publish(changes.markdown, report)
      lines += remarks.isEmpty ? ["report: \(report.path ?? "")"] : remarks
    }
    fail(lines.joined(separator: "\n"))
  }

  private func fail(_ text: String) {
    let environment = TestEnvironment.current
    if environment.isGitHubActions {
      environment.printLine(
        GitHubAnnotation.error(
          file: environment.pathInRepository(of: "\(site.filePath)"), line: Int(site.line),
          title: "\(subject) \(golden)", message: text))
    }
    Failure(text: text, site: site).report()
  }

  /// Puts a report everywhere it belongs.
  ///
  /// - Returns: A line for each place that could not be written.
  private func publish(_ markdown: String, _ report: ReportFile) -> [String] {
    var remarks: [String] = []
    do {
      try report.write(markdown)
    } catch {
      remarks.append("the report could not be written: \(error.localizedDescription)")
    }
    if TestFramework.current == .swiftTesting {
      Attachment.record(markdown, named: report.name, sourceLocation: site.sourceLocation)
    }
    if let summary = TestEnvironment.current["GITHUB_STEP_SUMMARY"] {
      do {
        try StepSummary.append(markdown, to: summary, wholeReport: report.path)
      } catch {
        remarks.append("\(error)")
      }
    }
    return remarks
  }
}
