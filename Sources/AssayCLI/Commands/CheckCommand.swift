import ArgumentParser
import Assay
import AssayRuns
import Foundation

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Look through one run for NaN, infinity and numbers near the limits of their dtype.",
    discussion: """
      Of everything found, the call that shows it first is named: what it was given, and between \
      which recorded tensors it was made. RUN is a run's directory, a directory that holds exactly \
      one run, an .h5 file or a fixture. Exit status: 0 nothing was found, 1 something was, 2 a tensor could \
      not be read, or nothing was there to check.
      """)

  @Argument(help: ArgumentHelp("The run.", valueName: "run"))
  var path: String

  @OptionGroup var report: CheckReportOptions

  @OptionGroup var placementsOption: PlacementsOption

  @OptionGroup var virtual: VirtualOption

  @Option(help: "Only these steps, separated by commas; 4-6 is a range.")
  var steps: String?

  @Option(help: "Only modules that match one of these regular expressions, separated by commas.")
  var modules: String?

  func run() throws {
    let options = HealthOptions(
      steps: try steps.map(StepListArgument.parse),
      modules: try modules.map(PatternListArgument.parse))
    let placements = try placementsOption.read()
    let reader = try openRun(
      at: path, placements: placements, readsVirtual: virtual.isRead)
    try placementsOption.check(placements, areFor: [reader])
    let bar = ProgressBar("checking")
    defer { bar.clear() }
    let health = RunHealth.check(reader, options: options, progress: bar.update(_:of:))
    bar.clear()
    try report.write(health, named: "check")
    GitHubActions.tell(health, run: path, report: report.output)
    try health.leave()
  }
}

/// Where a check's reports go, and in which formats.
struct CheckReportOptions: ParsableArguments {
  @Option(name: .shortAndLong, help: "Write the report to this file instead of standard output.")
  var output: String?

  @Option(
    help: ArgumentHelp(
      "The report's format: \(ReportOptions.Format.list) (default: that of the output's name, else "
        + "md).", valueName: "format"))
  var format: ReportOptions.Format?

  @Option(
    help: ArgumentHelp(
      "Also write a JUnit report, with one test case for each module call, to this file.",
      valueName: "file"))
  var junit: String?

  @Flag(help: "Write one screen of markdown: the verdict and what to look at first.")
  var summary = false

  func validate() throws {
    if summary { try ReportOptions.Format.checkSummary(format, for: output) }
  }

  /// Writes the reports that were asked for.
  func write(_ health: RunHealth, named name: String) throws {
    if let junit {
      try TextOutput.replace(
        junit, with: Data(JUnitReport.render(health, named: name).utf8))
    }
    let report = try render(health)
    if let output {
      try TextOutput.replace(output, with: report)
    } else {
      try Console.write(report)
    }
  }

  private func render(_ health: RunHealth) throws -> Data {
    switch ReportOptions.Format.chosen(format, for: output) {
    case .md:
      Data((summary ? MarkdownReport.summary(health) : MarkdownReport.render(health)).utf8)
    case .json: JSONReport.render(health)
    case .html: Data(HTMLReport.render(health).utf8)
    case .text:
      Data(TextReport.render(health, inColor: output == nil && Console.isColorful).utf8)
    }
  }
}

extension GitHubActions {
  /// Adds the report to the step's summary, and an error to the annotations unless all is well.
  static func tell(_ health: RunHealth, run: String, report: String?) {
    if let summary = ProcessInfo.processInfo.environment["GITHUB_STEP_SUMMARY"], !summary.isEmpty {
      do {
        try StepSummary.append(
          MarkdownReport.render(health), to: summary, wholeReport: report)
      } catch {
        // The verdict does not depend on where it is shown.
        Console.complain("Warning: \(error)")
      }
    }
    if !health.isHealthy {
      annotate(
        run, title: "check found what is wrong",
        FailureText.render(health, headline: run, reportPath: report))
    }
  }
}

extension RunHealth {
  /// Leaves with the exit status that the verdict asks for.
  ///
  /// A verdict is only as good as what was read: unreadable tensors are the tool's failure.
  fileprivate func leave() throws {
    if let first = unchecked(.unreadable).first {
      Console.complain(
        summary.unreadable == 1
          ? "Error: a tensor could not be read: \(first.reason)"
          : "Error: \(summary.unreadable) tensors could not be read; the report names them; the "
            + "first: \(first.reason)")
      throw ExitStatus.failure
    }
    if failures.contains(.nothingChecked) {
      Console.complain("Error: \(HealthFailure.nothingChecked)")
      throw ExitStatus.failure
    }
    if !isHealthy { throw ExitStatus.mismatch }
  }
}
