import ArgumentParser
import Assay
import Foundation

/// Where a comparison's reports go, and in which formats; the same options for all commands.
struct ReportOptions: ParsableArguments {
  @Option(name: .shortAndLong, help: "Write the report to this file instead of standard output.")
  var output: String?

  @Option(help: "The report's format: \(Format.list).")
  var format = Format.md

  @Option(
    help: ArgumentHelp(
      "Also write a JUnit report, with one test case for each module call, to this file.",
      valueName: "file"))
  var junit: String?

  @Flag(name: .shortAndLong, help: "List every tensor, also those that match, in full detail.")
  var verbose = false

  enum Format: String, CaseIterable, ExpressibleByArgument {
    case md, json, html

    static let list =
      allCases.dropLast().map(\.rawValue).joined(separator: ", ") + " or "
      + (allCases.last?.rawValue ?? "")
  }

  /// Writes the reports that were asked for.
  ///
  /// - Parameter name: What was compared, as the JUnit report calls it.
  func write(_ comparison: RunComparison, named name: String) throws {
    if let junit {
      let text = JUnitReport.render([(name: name, comparison: comparison)])
      try WholeFile.replace(junit, with: Data(text.utf8))
    }
    let report = try render(comparison, as: format)
    if let output {
      try WholeFile.replace(output, with: report)
    } else {
      try Console.write(report)
    }
  }

  func render(_ comparison: RunComparison, as format: Format) throws -> Data {
    switch format {
    case .md: Data(MarkdownReport.render(comparison, verbose: verbose).utf8)
    case .json: try JSONReport.render(comparison)
    case .html: Data(HTMLReport.render(comparison).utf8)
    }
  }
}

extension RunComparison {
  /// Leaves with the exit status that the verdict asks for.
  ///
  /// A verdict is only as good as what was read: unreadable tensors are the tool's failure.
  func leave() throws {
    let unreadable = summary.tensors.unreadable
    if unreadable > 0 {
      let first = steps.lazy.flatMap(\.modules).flatMap(\.tensors)
        .first { $0.verdict == .unreadable }
      let reason = first?.reason.map { ": \($0)" } ?? ""
      Console.complain(
        unreadable == 1
          ? "Error: a tensor could not be read\(reason)"
          : "Error: \(unreadable) tensors could not be read; the report names them; the first\(reason)"
      )
      throw ExitStatus.failure
    }
    if !isMatch { throw ExitStatus.mismatch }
  }
}
