import AssayComparison
import AssayRuns
import AssayTensors

extension MarkdownWriter {
  /// How the error goes on after the first divergence, in a bounded number of rows.
  var growth: String {
    // Isolated modules hand nothing on, so nothing grows.
    guard !comparison.options.isIsolated,
      let divergence = comparison.firstDivergence, divergence.tensor.verdict.isDivergence,
      let step = comparison.steps.first(where: { $0.index == divergence.call.step }),
      let start = step.modules.firstIndex(where: { $0.call == divergence.call })
    else { return "" }
    let after = step.modules[start...].filter { $0.outputError != nil }
    guard after.count > 1 else { return "" }
    let shown = MarkdownWriter.representatives(Array(after))
    var text = "## Growth after it\n\nThe worst row's relative L2 error in step \(step.index)"
    if shown.count < after.count {
      text += "; \(shown.count) of \(after.count) calls, the outermost and the first ones"
    }
    let rows = shown.map { module in
      [
        name(module.call), MarkdownText.number(module.inputError),
        MarkdownText.number(module.outputError), MarkdownText.number(module.origin?.growth),
        module.origin?.cause.rawValue ?? "–",
      ]
    }
    return text + ".\n\n"
      + MarkdownText.table(
        ["module", "inputs", "outputs", "growth", "cause"], rightAligned: [1, 2, 3], rows)
  }

  /// The first few calls and, of the rest, the levels of nesting that fit.
  static func representatives(_ modules: [ModuleResult], limit: Int = 24) -> [ModuleResult] {
    guard modules.count > limit else { return modules }
    let leading = 6
    func depth(_ module: ModuleResult) -> Int { module.call.module.count { $0 == "." } }
    let rest = modules.dropFirst(leading)
    let level = Set(rest.map(depth)).sorted()
      .last { level in rest.count { depth($0) <= level } <= limit - leading }
    guard let level else {
      return modules.prefix(limit / 2) + modules.suffix(limit / 2)
    }
    return modules.prefix(leading) + rest.filter { depth($0) <= level }
  }
}
