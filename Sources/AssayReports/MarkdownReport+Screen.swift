extension MarkdownReport {
  /// The first sections of a report, as much as a reader takes from a terminal.
  ///
  /// - Parameters:
  ///   - report: What ``render(_:verbose:growthPlot:)`` gave.
  ///   - limit: The most lines.
  /// - Returns: The report itself where it has no more lines than that; else its first sections,
  ///   as many as fit, and a line that says how to have the rest.
  package static func onScreen(_ report: String, limit: Int = 120) -> String {
    let lines = report.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count > limit else { return report }
    let heading = lines[..<limit].lastIndex { $0.hasPrefix("## ") } ?? limit
    return lines[..<heading].joined(separator: "\n")
      + "\n\(lines.count - heading) more lines are not shown: `--output FILE` writes the whole "
      + "report, `--format text` one for a terminal, `--format html` a page.\n"
  }
}
