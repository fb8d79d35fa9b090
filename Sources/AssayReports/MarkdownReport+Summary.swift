package import AssayComparison
import AssayRuns
import AssayTensors

extension MarkdownReport {
  /// Renders the verdict and what to look at first, on about one screen.
  ///
  /// - Parameters:
  ///   - comparison: What comparing two runs came to.
  ///   - wholeReport: Where the whole report is.
  ///   - growthPlot: Where the picture of the error's growth is, relative to the summary.
  /// - Returns: At most 30 lines of UTF-8 that end with a newline.
  package static func summary(
    _ comparison: RunComparison, wholeReport: String? = nil, growthPlot: String? = nil
  ) -> String {
    let writer = MarkdownWriter(comparison: comparison, verbose: false)
    var sections = [
      writer.headline, writer.fewRemarks, writer.keyFacts, writer.growthPicture(growthPlot),
      writer.fewModules,
    ]
    if let wholeReport { sections.append("The whole report: \(MarkdownText.code(wholeReport)).\n") }
    return sections.filter { !$0.isEmpty }.joined(separator: "\n")
  }
}

extension MarkdownWriter {
  /// The picture of the error's growth, by reference.
  func growthPicture(_ path: String?) -> String {
    guard let path else { return "" }
    return "![The error along execution order, on a log scale](\(path))\n"
  }

  fileprivate var fewRemarks: String {
    let limit = 3
    let remarks =
      comparison.failures.map { "**Failure**: \(MarkdownText.plain($0.description))" }
      + comparison.notes.map { "Note: \(MarkdownText.plain($0))" }
    let rest = remarks.count - limit
    return remarks.prefix(limit).map { "- \($0).\n" }.joined()
      + (rest > 0 ? "- and \(rest) more failures and notes.\n" : "")
  }

  fileprivate var keyFacts: String {
    var facts = [
      ("actual", MarkdownText.code(comparison.actual.path)),
      ("expected", MarkdownText.code(comparison.expected.path)),
      ("tolerance", MarkdownText.plain(comparison.options.tolerance.name)),
    ]
    if let tensor = comparison.firstDivergence?.tensor,
      [.placement, .replicas].contains(tensor.verdict)
    {
      facts.append(
        (tensor.slot.rawValue, MarkdownText.plain(tensor.reason ?? tensor.verdict.rawValue)))
    }
    if !comparison.isMatch {
      let titles = [
        "cause": "cause", "born": "born", "worst": "worst element",
        "passes": "smallest tolerance that would have hidden it",
      ]
      facts += FailureTextWriter(comparison: comparison, words: .ofRuns).facts.compactMap { fact in
        titles[fact.label].map { ($0, MarkdownText.plain(fact.value)) }
      }
    } else if let first = comparison.firstDifference {
      facts.append(
        (
          "first difference, within the tolerance", "\(name(first.call)) in step \(first.call.step)"
        ))
    }
    return facts.map { "- \($0.0): \($0.1)\n" }.joined()
  }

  /// The calls that made the largest errors; without any, the first that fail.
  fileprivate var fewModules: String {
    let limit = 5
    var title = "introduced error"
    var calls = comparison.introducedByError
    if calls.isEmpty {
      title = "cause"
      calls = comparison.steps.flatMap { step in
        step.modules.filter(\.verdict.isFailure).map { (step: step.index, module: $0) }
      }
    }
    guard !calls.isEmpty else { return "" }
    let rows = calls.prefix(limit).map { step, module in
      let origin = module.origin
      let own =
        title == "cause"
        ? origin?.cause.rawValue ?? module.verdict.text
        : MarkdownText.number(origin?.introducedError)
      return [
        "\(step)", name(module.call), own, MarkdownText.number(module.inputError),
        MarkdownText.number(module.outputError),
      ]
    }
    let table = MarkdownText.table(
      ["step", "module", title, "input error", "output error"], rightAligned: [0, 2, 3, 4], rows)
    return table + (calls.count > limit ? "\n\(calls.count - limit) more are not shown.\n" : "")
  }
}
