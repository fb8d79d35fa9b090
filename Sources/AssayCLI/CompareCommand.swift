import ArgumentParser
import Assay
import Foundation

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Compare two recorded runs and say which module went wrong first.",
    discussion: """
      DIR1 is the actual run, DIR2 the expected one. Each is a run's directory, a directory that \
      holds exactly one run, or an .h5 file. Exit status: 0 everything matches, 1 something \
      differs, 2 a run could not be read.
      """)

  @Option(help: "The actual run, the one under test.")
  var dir1: String

  @Option(help: "The expected run, the reference.")
  var dir2: String

  @Option(name: .shortAndLong, help: "Write the report to this file instead of standard output.")
  var output: String?

  @Option(help: "The report's format: \(ReportFormat.list).")
  var format = ReportFormat.md

  @Option(help: "Relative tolerance (default: 1e-5).")
  var rtol: Double?

  @Option(help: "Absolute tolerance (default: 1e-8).")
  var atol: Double?

  @Option(help: "A table of tolerances by dtype instead of one pair: torch.")
  var tolerance: ToleranceTable?

  @Flag(help: "NaN matches NaN.")
  var equalNan = false

  @Option(
    help: ArgumentHelp(
      "Pair devices: ACTUAL=EXPECTED, as in cuda:0=cpu; separate several with commas.",
      valueName: "map"))
  var deviceMap: [String] = []

  @Option(help: "Only these steps, separated by commas.")
  var steps: String?

  @Option(help: "Only modules that match one of these regular expressions, separated by commas.")
  var modules: String?

  @Flag(name: .shortAndLong, help: "List every tensor, also those that match, in full detail.")
  var verbose = false

  enum ReportFormat: String, CaseIterable, ExpressibleByArgument {
    case md, json

    static let list = allCases.map(\.rawValue).joined(separator: " or ")
  }

  enum ToleranceTable: String, CaseIterable, ExpressibleByArgument {
    case torch
  }

  func validate() throws {
    if tolerance != nil, rtol != nil || atol != nil {
      throw ValidationError("--tolerance torch excludes --rtol and --atol")
    }
  }

  func run() throws {
    var options = ComparisonOptions()
    options.tolerance = try chosenTolerance()
    options.deviceMap = try deviceMap.flatMap { try DeviceMapArgument.parse($0) }
    options.steps = try steps.map {
      try NaturalListArgument.parse($0, option: "--steps", items: "step numbers")
    }
    options.modules = try modules.map(PatternListArgument.parse)
    let actual = try RunLocation.open(dir1)
    let expected = try RunLocation.open(dir2)

    let bar = ProgressBar("comparing")
    defer { bar.clear() }
    let comparison = try RunComparison.compare(
      actual: actual, expected: expected, options: options, progress: bar.update(_:of:))
    bar.clear()

    let report =
      switch format {
      case .md: Data(MarkdownReport.render(comparison, verbose: verbose).utf8)
      case .json: try JSONReport.render(comparison)
      }
    if let output {
      try WholeFile.replace(output, with: report)
    } else {
      try Console.write(report)
    }
    try leave(after: comparison)
  }

  private func chosenTolerance() throws -> Tolerance {
    var chosen =
      tolerance == .torch
      ? Tolerance.torch
      : try Tolerance(
        rtol: rtol ?? 1e-5, atol: atol ?? 1e-8)
    chosen.equalNaN = equalNan
    return chosen
  }

  /// A verdict is only as good as what was read: unreadable tensors are the tool's failure.
  private func leave(after comparison: RunComparison) throws {
    let unreadable = comparison.summary.tensors.unreadable
    if unreadable > 0 {
      let first = comparison.steps.lazy.flatMap(\.modules).flatMap(\.tensors)
        .first { $0.verdict == .unreadable }
      let reason = first?.reason.map { ": \($0)" } ?? ""
      Console.complain(
        unreadable == 1
          ? "Error: a tensor could not be read\(reason)"
          : "Error: \(unreadable) tensors could not be read; the report names them; the first\(reason)"
      )
      throw ExitStatus.failure
    }
    if !comparison.isMatch { throw ExitStatus.mismatch }
  }
}
