import AssayComparison
import AssayTensors

extension MarkdownWriter {
  /// What was closest to failing, or failed most.
  var largest: String {
    let all = entries
    var rows: [[String]] = []
    func add(
      _ label: String, as format: (Double?) -> String = MarkdownText.number,
      _ figure: (TensorResult) -> Double?
    ) {
      var best: (value: Double, index: Int)?
      for (index, tensor) in all.enumerated() {
        guard let value = figure(tensor), value > best?.value ?? 0 else { continue }
        best = (value, index)
      }
      guard let best else { return rows.append([label, "0", "–"]) }
      let worst = all[best.index]
      rows.append([
        label, format(best.value),
        "step \(worst.key.step), \(name(worst.key.call)), "
          + MarkdownText.code(worst.slot.rawValue),
      ])
    }
    guard all.contains(where: \.isCompared) else { return "" }
    let known = comparison.summary.tensors.estimated == 0 ? "" : ", where elements are known"
    add(Metric.maxAbs.name + known) { $0.difference?.maxAbs?.value }
    add(Metric.maxRel.name + known) { $0.difference?.maxRel?.value }
    add("error") { $0.error }
    // A bound of other figures asks for neither.
    let isElementwise = all.contains { $0.difference != nil && !isJudgedByBound($0) }
    if isElementwise {
      add("\(Metric.minimumRtol.name) that passes all" + known, as: MarkdownText.bound) {
        isJudgedByBound($0) ? nil : $0.difference?.minimumRtol
      }
      add("\(Metric.minimumAtol.name) that passes all" + known, as: MarkdownText.bound) {
        isJudgedByBound($0) ? nil : $0.difference?.minimumAtol
      }
    }
    let hint =
      "The error is the relative L2 of the worst row, inf where NaN or infinite values differ.\n\n"
      + (comparison.summary.tensors.estimated == 0
        ? "" : "Of tensors compared by digest only the error is known, and of the whole.\n\n")
    return "## Largest errors\n\n" + hint
      + MarkdownText.table(["figure", "value", "where"], rightAligned: [1], rows)
  }

  var stepResults: String {
    let rows = comparison.steps.map { step in
      let tensors = step.modules.flatMap(\.tensors)
      let first = step.modules.first { $0.verdict.isFailure }
      return [
        "\(step.index)", MarkdownWriter.mark(step.verdict),
        "\(step.modules.count { $0.verdict == .match }) / \(step.modules.count)",
        "\(tensors.count { $0.verdict == .match }) / \(tensors.count)",
      ] + worstFigures(tensors) + [first.map { name($0.call) } ?? "–"]
    }
    guard !rows.isEmpty else { return "" }
    return "## Steps\n\n"
      + MarkdownText.table(
        [
          "step", "verdict", "modules matched", "tensors matched", "elements mismatched",
          Metric.maxAbs.name, Metric.maxRel.name, "error", "first failing module",
        ], rightAligned: [0, 2, 3, 4, 5, 6, 7], rows)
  }

  var moduleResults: String {
    guard !comparison.steps.isEmpty else { return "" }
    var text = "## Modules\n"
    for step in comparison.steps where !step.modules.isEmpty {
      text += "\n### Step \(step.index): \(step.verdict.text)\n\n"
      let rows = step.modules.map { module in
        [
          name(module.call), MarkdownWriter.mark(module.verdict), causeCell(module),
          "\(module.tensors.count { $0.verdict == .match }) / \(module.tensors.count)",
        ] + worstFigures(module.tensors)
      }
      let table = MarkdownText.table(
        [
          "module", "verdict", "cause", "tensors matched", "elements mismatched",
          Metric.maxAbs.name, Metric.maxRel.name, "error",
        ], rightAligned: [3, 4, 5, 6, 7], rows)
      text += folded(
        table, summary: MarkdownText.count(rows.count, "module call") + " in execution order",
        when: !step.verdict.isFailure && !verbose && rows.count > 20)
    }
    return text
  }

  private func causeCell(_ module: ModuleResult) -> String {
    guard let origin = module.origin else { return "–" }
    if let inside = origin.inside {
      return "inherited from \(Markup.markdown.name(inside, within: module.call))"
    }
    return switch origin.cause {
    case .introduced: "**introduced**"
    case .form: origin.cause.words
    default: origin.cause.rawValue
    }
  }

  /// Mismatched elements, the largest figures and the largest error of some tensors.
  private func worstFigures(_ tensors: [TensorResult]) -> [String] {
    let differences = tensors.compactMap(\.difference)
    guard !differences.isEmpty else {
      let digests = tensors.count { $0.isEstimated && $0.verdict.isFailure }
      return [
        digests == 0 ? "–" : MarkdownText.count(digests, "digest"), "–", "–",
        MarkdownText.number(tensors.compactMap(\.error).max()),
      ]
    }
    // A rule may allow outliers, or judge no single element at all.
    let failing = tensors.filter(\.verdict.isFailure).compactMap(\.difference)
    let digests = tensors.count { $0.isEstimated && $0.verdict.isFailure }
    return [
      "\(failing.reduce(0) { $0 + $1.mismatchedCount })"
        + (digests == 0 ? "" : " and \(MarkdownText.count(digests, "digest"))"),
      MarkdownText.number(differences.compactMap(\.maxAbs?.value).max()),
      MarkdownText.number(differences.compactMap(\.maxRel?.value).max()),
      MarkdownText.number(tensors.compactMap(\.error).max()),
    ]
  }

  static func mark(_ verdict: Verdict) -> String {
    switch verdict {
    case .match: "✅ match"
    case .skipped, .notComputed: "➖ \(verdict.text)"
    default: "❌ \(verdict.text)"
    }
  }

  /// A block that a reader may open.
  func folded(_ text: String, summary: String, when isFolded: Bool) -> String {
    isFolded ? "<details><summary>\(summary)</summary>\n\n\(text)\n</details>\n" : text
  }
}

extension Verdict {
  /// The verdict in words.
  var text: String { rawValue.replacing("_", with: " ") }
}
