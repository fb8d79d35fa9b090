import ArgumentParser
import Assay
import Foundation

/// Where a comparison's reports go, and in which formats; the same options for all commands.
struct ReportOptions: ParsableArguments {
  @Option(name: .shortAndLong, help: "Write the report to this file instead of standard output.")
  var output: String?

  @Option(
    help: ArgumentHelp(
      "The report's format: \(Format.list) (default: that of the output's name, else md).",
      valueName: "format"))
  var format: Format?

  @Option(
    help: ArgumentHelp(
      "Also write a JUnit report, with one test case for each module call, to this file.",
      valueName: "file"))
  var junit: String?

  @Flag(name: .shortAndLong, help: "List every tensor, also those that match, in full detail.")
  var verbose = false

  @Flag(help: "Write one screen of markdown: the verdict and what to look at first.")
  var summary = false

  @Option(
    help: ArgumentHelp(
      "Also draw the growth of the error as growth.svg in this directory; the markdown report "
        + "embeds it by reference.", valueName: "dir"))
  var plots: String?

  @Flag(help: "Also open the report as a page in a browser; where no desktop is, say its file.")
  var open = false

  enum Format: String, CaseIterable, ExpressibleByArgument {
    case md, json, html, text

    static let list =
      allCases.dropLast().map(\.rawValue).joined(separator: ", ") + " or "
      + (allCases.last?.rawValue ?? "")

    /// The format that was asked for, by its name or by that of the file.
    static func chosen(_ format: Format?, for output: String?) -> Format {
      format ?? output.flatMap(Format.init(file:)) ?? .md
    }

    /// Makes sure that a summary is written as what it is.
    static func checkSummary(_ format: Format?, for output: String?) throws {
      guard chosen(format, for: output) != .md else { return }
      let option = format.map { "--format \($0.rawValue)" } ?? "--output \(output ?? "")"
      throw ValidationError("--summary is markdown; it excludes \(option)")
    }

    /// The format that a file's name promises.
    init?(file: String) {
      switch URL(filePath: file).pathExtension.lowercased() {
      case "md", "markdown": self = .md
      case "json": self = .json
      case "html", "htm": self = .html
      case "txt", "text": self = .text
      default: return nil
      }
    }
  }

  /// The format that was asked for, by its name or by that of the file.
  var chosenFormat: Format { .chosen(format, for: output) }

  /// The options that were given.
  var given: [String] {
    [
      ("--output", output != nil), ("--format", format != nil), ("--junit", junit != nil),
      ("--verbose", verbose), ("--summary", summary), ("--plots", plots != nil), ("--open", open),
    ].filter(\.1).map(\.0)
  }

  func validate() throws {
    if summary { try Format.checkSummary(format, for: output) }
    if summary, verbose { throw ValidationError("--summary excludes --verbose") }
  }

  /// Writes the reports that were asked for.
  ///
  /// - Parameters:
  ///   - name: What was compared, as the JUnit report calls it.
  ///   - wholeReport: Where the whole report is, for a summary.
  func write(_ comparison: RunComparison, named name: String, wholeReport: String? = nil) throws {
    if let junit {
      let text = JUnitReport.render([(name: name, comparison: comparison)])
      try TextOutput.replace(junit, with: Data(text.utf8))
    }
    if let plots {
      try FileSystem.makeDirectory(plots, withParents: true)
      try TextOutput.replace(
        ReportOptions.plot(in: plots), with: Data(comparison.growthPlot.utf8))
    }
    let report =
      summary
      ? Data(
        MarkdownReport.summary(
          comparison, wholeReport: wholeReport, growthPlot: plotReference(from: output)
        ).utf8)
      : try render(comparison, as: chosenFormat, to: output)
    if let output {
      try TextOutput.replace(output, with: report)
    } else if format == .md, !verbose, Console.isTerminal {
      try Console.write(Data(MarkdownReport.onScreen(String(decoding: report, as: UTF8.self)).utf8))
    } else {
      try Console.write(report)
    }
    if open { try Desktop.open(page: render(comparison, as: .html, to: nil)) }
  }

  /// Writes the reports of two runs' comparison, tells GitHub, and leaves as the verdict asks for.
  func tell(_ comparison: RunComparison) throws {
    try write(comparison, named: "compare")
    GitHubActions.tell(comparison, name: "compare", report: output)
    try comparison.leave()
  }

  /// Renders a whole report.
  ///
  /// - Parameter file: The file that it is for; `nil` for standard output.
  func render(_ comparison: RunComparison, as format: Format, to file: String?) throws -> Data {
    switch format {
    case .md:
      Data(
        MarkdownReport.render(
          comparison, verbose: verbose, growthPlot: plotReference(from: file)
        ).utf8)
    case .json: JSONReport.render(comparison)
    case .html: Data(HTMLReport.render(comparison).utf8)
    case .text: Data(TextReport.render(comparison, inColor: file == nil && Console.isColorful).utf8)
    }
  }

  private static func plot(in directory: String) -> String {
    URL(filePath: directory).appending(component: "growth.svg").relativePath
  }

  /// Where the plot is as a link in a report says it: relative to the report's file.
  private func plotReference(from report: String?) -> String? {
    guard let plots else { return nil }
    var path = ReportOptions.plot(in: plots)
    if let report {
      let folder = URL(filePath: report).standardizedFileURL.deletingLastPathComponent()
        .pathComponents
      let target = URL(filePath: path).standardizedFileURL.pathComponents
      let shared = zip(folder, target).prefix { $0 == $1 }.count
      path =
        (Array(repeating: "..", count: folder.count - shared) + target.dropFirst(shared))
        .joined(separator: "/")
    }
    let plain = CharacterSet(charactersIn: "-._~/").union(
      CharacterSet(charactersIn: "0"..."9").union(CharacterSet(charactersIn: "A"..."Z"))
        .union(CharacterSet(charactersIn: "a"..."z")))
    return path.addingPercentEncoding(withAllowedCharacters: plain)
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
