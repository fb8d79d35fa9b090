import Assay
import Foundation

/// What a comparison tells GitHub Actions, where it runs there.
enum GitHubActions {
  /// Adds the report to the step's summary, and an error to the annotations when it differs.
  ///
  /// - Parameters:
  ///   - golden: The golden's file; `nil` where two runs were compared.
  ///   - name: The golden's name, or the command's.
  ///   - report: The file with the whole report, if there is one.
  static func tell(
    _ comparison: RunComparison, golden: String? = nil, name: String, report: String?
  ) {
    let environment = ProcessInfo.processInfo.environment
    if let summary = environment["GITHUB_STEP_SUMMARY"], !summary.isEmpty {
      do {
        try StepSummary.append(
          MarkdownReport.render(comparison), to: summary, wholeReport: report)
      } catch {
        // The verdict does not depend on where it is shown.
        Console.complain("Warning: \(error)")
      }
    }
    if !comparison.isMatch {
      let text =
        golden.map {
          FailureText.render(comparison, headline: name, goldenPath: $0, reportPath: report)
        } ?? FailureText.render(runs: comparison, reportPath: report)
      annotate(golden ?? comparison.expected.path, title: "\(name) differs", text)
    }
  }

  /// Adds an error to the annotations, where it runs under GitHub Actions.
  static func annotate(_ golden: String, title: String, _ message: String) {
    guard ProcessInfo.processInfo.environment["GITHUB_ACTIONS"]?.lowercased() == "true" else {
      return
    }
    // The runner reads standard error as well, and standard output may be a report.
    Console.complain(GitHubAnnotation.error(file: golden, title: title, message: message))
  }
}
