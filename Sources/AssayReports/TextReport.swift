package import AssayComparison
import AssayRuns
import AssayTensors

/// Renders a comparison for a terminal.
package enum TextReport {
  /// Renders a comparison on about one screen.
  ///
  /// - Parameters:
  ///   - comparison: What comparing two runs came to.
  ///   - inColor: Whether to colour it by ANSI escape sequences.
  /// - Returns: UTF-8 text that ends with a newline.
  package static func render(_ comparison: RunComparison, inColor: Bool = false) -> String {
    let writer = TextReportWriter(comparison: comparison, inColor: inColor)
    return [writer.headline, writer.facts, writer.growth, writer.modules]
      .filter { !$0.isEmpty }.map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n")
  }
}

private struct TextReportWriter {
  var comparison: RunComparison
  var inColor: Bool

  private static let curveLimit = 8
  private static let moduleLimit = 16
  private static let remarkLimit = 4

  private enum Style: String {
    case good = "32"
    case bad = "31"
    case odd = "33"
    case strong = "1"
    case faint = "2"
  }

  private func styled(_ text: String, _ styles: Style...) -> String {
    guard inColor else { return text }
    return "\u{1B}[\(styles.map(\.rawValue).joined(separator: ";"))m\(text)\u{1B}[0m"
  }

  private var failure: FailureTextWriter {
    FailureTextWriter(comparison: comparison, words: .ofRuns)
  }

  var headline: [String] {
    comparison.isMatch
      ? [styled("✓ Match", .strong, .good) + ": \(failure.counts)."]
      : [styled("✗ Mismatch", .strong, .bad) + ": \(failure.sentence)."]
  }

  /// What was compared, where it parts and what else is to be said.
  var facts: [String] {
    var facts = [
      ("actual", comparison.actual.path), ("expected", comparison.expected.path),
    ]
    facts.append(
      (
        "parameters",
        comparison.parameters.filter(\.isChosen).compactMap { parameter in
          parameter.text.map { "\(parameter.name) \($0(.plain))" }
        }.joined(separator: "; ")
      ))
    if comparison.isMatch {
      if let text = comparison.firstDifferenceText(.plain) { facts.append(("differs", text)) }
    } else {
      facts += failure.facts.filter { !["also", "tolerance"].contains($0.label) }
      if let tensor = comparison.firstDivergence?.tensor {
        let first = MarkdownText.index(
          tensor.difference?.firstMismatchIndex, tensor.shape, "mismatched at ", "")
        if !first.isEmpty { facts.append(("first", first)) }
        if let figures = tensor.figuresText { facts.append(("figures", figures)) }
      }
    }
    var lines = facts.map { line($0.0, $0.1) }
    let remarks =
      comparison.failures.map { ("failure", $0.description) }
      + (comparison.nonFiniteText(.plain).map { [("NaN", $0)] } ?? [])
      + comparison.notes.map { ("note", $0) }
    lines += remarks.prefix(Self.remarkLimit).map { line($0.0, $0.1) }
    let rest = remarks.count - Self.remarkLimit
    if rest > 0 { lines.append(line("", "and \(rest) more failures and notes")) }
    return lines
  }

  private func line(_ label: String, _ value: String) -> String {
    "  " + styled(label.padded(to: 10), .faint) + " " + PlainText.line(value, limit: 300)
  }

  /// A sparkline of each of the first steps.
  var growth: [String] {
    let curves = GrowthCurves(comparison).curves
    let errors = curves.flatMap(\.errors).filter { $0 > 0 && $0.isFinite }
    guard !comparison.options.isIsolated, let low = errors.min(), let high = errors.max() else {
      return []
    }
    let scale =
      low == high
      ? "█ \(MarkdownText.number(high))"
      : "▁ \(MarkdownText.number(low)) to █ \(MarkdownText.number(high)), log scale"
    var lines = [
      styled("Error along execution order", .strong)
        + styled(" (relative L2 of the worst row: · equal, \(scale))", .faint)
    ]
    for curve in curves.prefix(Self.curveLimit) {
      let bars = Sparkline.text(curve.errors, width: 64, low: low, high: high)
      lines.append(
        "  " + styled("step \(curve.step)".padded(to: 10), .faint) + " " + bars
          + " largest \(MarkdownText.number(curve.errors.max()))")
    }
    let rest = curves.count - Self.curveLimit
    if rest > 0 { lines.append("  and \(MarkdownText.count(rest, "more step"))") }
    return lines
  }

  /// What fails from the first divergence on, or what comes closest to failing.
  var modules: [String] {
    let calls = shownCalls
    guard !calls.shown.isEmpty else { return [] }
    let rows = [["cause", "inputs", "outputs", Metric.maxAbs.name]] + calls.shown.map(cells)
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    var lines = [styled(calls.title, .strong)]
    for (row, call) in zip(rows, [nil] + calls.shown.map(Optional.some)) {
      let padded = zip(row, widths).enumerated().map { column, cell in
        column == 0 ? cell.0.padded(to: cell.1) : cell.0.padded(to: -cell.1)
      }
      let text = padded.joined(separator: "  ")
      guard let call else {
        lines.append("    " + styled(text + "  module", .faint))
        continue
      }
      lines.append("  \(mark(call)) \(text)  \(PlainText.name(call.call, limit: 80))")
    }
    if calls.rest > 0 { lines.append("    and \(calls.rest) more") }
    return lines
  }

  private func cells(_ module: ModuleResult) -> [String] {
    let cause = module.origin?.cause.rawValue ?? module.verdict.text
    let largest = module.tensors.compactMap(\.difference?.maxAbs?.value).max()
    return [cause]
      + [module.inputError, module.outputError, largest].map { MarkdownText.number($0) }
  }

  private func mark(_ module: ModuleResult) -> String {
    switch module.verdict {
    case .match: styled("✓", .good)
    case .skipped, .notComputed: styled("–", .faint)
    case .mismatch where module.origin?.cause == .introduced: styled("✗", .strong, .bad)
    case .missingInActual, .missingInExpected: styled("○", .odd)
    default: styled("✗", .bad)
    }
  }

  private var shownCalls: (title: String, shown: [ModuleResult], rest: Int) {
    if comparison.isMatch {
      func error(_ call: (Int, ModuleResult)) -> Double { call.1.outputError ?? 0 }
      let all = comparison.steps.flatMap { step in step.modules.map { (step.index, $0) } }
        .filter { error($0) > 0 }.sorted { error($0) > error($1) }
      let step = all.first?.0 ?? 0
      let inStep = all.filter { $0.0 == step }.map(\.1)
      let shown = Array(inStep.prefix(8))
      return ("Largest errors, in step \(step)", shown, inStep.count - shown.count)
    }
    guard let step = comparison.steps.first(where: { $0.verdict.isFailure }) else {
      return ("", [], 0)
    }
    let failing = step.modules.filter(\.verdict.isFailure)
    let shown = MarkdownWriter.representatives(failing, limit: Self.moduleLimit)
    return ("Failing calls of step \(step.index)", shown, failing.count - shown.count)
  }
}

extension String {
  /// The text with spaces behind it, or before it where the width is negative.
  fileprivate func padded(to width: Int) -> String {
    let spaces = String(repeating: " ", count: max(abs(width) - count, 0))
    return width < 0 ? spaces + self : self + spaces
  }
}
