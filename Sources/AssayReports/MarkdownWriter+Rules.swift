import AssayComparison
import AssayTensors

extension MarkdownWriter {
  /// Whether ordered rules decided.
  var hasRules: Bool {
    if case .rules = comparison.options.tolerance.kind { return true }
    return false
  }

  /// The number of the rule that decided about a tensor, from 1.
  func rule(_ tensor: TensorResult) -> String {
    tensor.rule.map { "\($0 + 1)" } ?? (tensor.isCompared ? "none" : "–")
  }

  /// What each rule decided.
  var rules: String {
    guard case .rules(let rules) = comparison.options.tolerance.kind else { return "" }
    var counts: [Int?: (total: Int, failing: Int)] = [:]
    for step in comparison.steps {
      for module in step.modules {
        for tensor in module.tensors where tensor.isCompared {
          counts[tensor.rule, default: (0, 0)].total += 1
          if tensor.verdict.isFailure { counts[tensor.rule, default: (0, 0)].failing += 1 }
        }
      }
    }
    func numbers(_ position: Int?) -> [String] {
      let count = counts[position] ?? (0, 0)
      return ["\(count.total)", "\(count.failing)"]
    }
    var rows = rules.rules.enumerated().map { position, rule in
      ["\(position + 1)", MarkdownText.code(rule.module.source), rule.conditions, rule.text]
        + numbers(position)
    }
    let limit = verbose ? rows.count : MarkdownWriter.rowLimit
    let rest = rows.count - limit
    rows = Array(rows.prefix(limit))
    if counts[nil] != nil { rows.append(["none", "–", "–", "equal"] + numbers(nil)) }
    var text =
      "## Tolerance rules\n\nThe first rule that matches a tensor decides about it.\n\n"
      + MarkdownText.table(
        ["rule", "module", "only", "criterion", "tensors", "failing"], rightAligned: [0, 4, 5],
        rows)
    if rest > 0 { text += "\n\(rest) more are not shown.\n" }
    return text
  }
}

extension ToleranceRule {
  /// What it matches besides the module's name.
  fileprivate var conditions: String {
    var parts: [String] = []
    if let slot { parts.append("slot \(MarkdownText.code(slot.source))") }
    if let dtype { parts.append("dtype \(dtype.rawValue)") }
    if let steps {
      let sorted = steps.sorted().map(String.init)
      parts.append(
        "step " + sorted.prefix(20).joined(separator: ", ") + (sorted.count > 20 ? ", …" : ""))
    }
    if let device { parts.append("device \(MarkdownText.code(device.name))") }
    return parts.isEmpty ? "–" : parts.joined(separator: "; ")
  }

  /// What decides about a tensor that it matches.
  fileprivate var text: String {
    var text =
      switch criterion {
      case .elementwise(let rule, let outliers):
        "rtol \(MarkdownText.exact(rule.rtol)), atol \(MarkdownText.exact(rule.atol))"
          + (outliers == .none ? "" : ", \(outliers) outliers")
      case .bound(let bound): MarkdownText.code(bound.text)
      }
    if equalNonFinite {
      text += ", equal NaN and Inf"
    } else if let equalNaN {
      text += equalNaN ? ", equal NaN" : ", no equal NaN"
    }
    return text
  }
}

extension MetricBound {
  /// The bound as a rules file has it.
  fileprivate var text: String { text(isInner: false) }

  private func text(isInner: Bool) -> String {
    func joined(_ bounds: [MetricBound], _ word: String) -> String {
      let text = bounds.map { $0.text(isInner: true) }.joined(separator: " \(word) ")
      return isInner && bounds.count > 1 ? "(\(text))" : text
    }
    return switch self {
    case .atMost(let metric, let limit): "\(metric.name) <= \(MarkdownText.exact(limit))"
    case .atLeast(let metric, let limit): "\(metric.name) >= \(MarkdownText.exact(limit))"
    case .all(let bounds): joined(bounds, "and")
    case .any(let bounds): joined(bounds, "or")
    }
  }
}
