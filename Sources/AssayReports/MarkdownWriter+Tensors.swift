import AssayComparison
import AssayRuns
import AssayTensors

extension MarkdownWriter {
  /// All tensors in execution order.
  var entries: [TensorResult] { comparison.steps.flatMap { $0.modules.flatMap(\.tensors) } }

  /// What is on one side only, cannot be read or was not recorded, and why.
  var unpaired: String {
    var rows: [[String]] = []
    for step in comparison.steps {
      for module in step.modules {
        if module.verdict == .missingInActual || module.verdict == .missingInExpected {
          rows.append([
            "\(step.index)", name(module.call),
            "all (\(MarkdownText.count(module.tensors.count, "tensor")))", module.verdict.text,
            "only the \(module.verdict == .missingInActual ? "expected" : "actual") run has the "
              + (step.verdict == module.verdict ? "step" : "module call"),
          ])
          continue
        }
        for tensor in module.tensors where tensor.verdict.isFailure && !tensor.verdict.isDivergence
        {
          rows.append([
            "\(step.index)", name(module.call),
            MarkdownText.code(tensor.slot.rawValue) + " on "
              + MarkdownText.code(tensor.device.name),
            tensor.verdict.text, MarkdownText.plain(tensor.reason ?? ""),
          ])
        }
      }
    }
    return limited(
      "Missing, unreadable or not recorded", ["step", "module", "tensor", "verdict", "reason"], [0],
      rows)
  }

  /// The tensors that differ, or all of them.
  var tensorTables: String {
    let shown = entries.filter { verbose || $0.verdict.isDivergence }
    let figures = Metric.main + [.minimumRtol, .minimumAtol]
    let rows = shown.map { tensor in
      let cells =
        [
          "\(tensor.key.step)", name(tensor.key.call), MarkdownText.code(tensor.slot.rawValue),
          MarkdownText.code(tensor.device.name), tensor.dtype?.rawValue ?? "–",
          tensor.shape?.description ?? "–",
          tensor.verdict.text + (tensor.reason.map { ": " + MarkdownText.plain($0) } ?? ""),
        ] + figures.map { $0.cell(tensor) }
      return hasRules ? cells + [rule(tensor)] : cells
    }
    return limited(
      verbose ? "All tensors" : "Tensors that differ",
      ["step", "module", "slot", "device", "dtype", "shape", "verdict"] + figures.map(\.name)
        + (hasRules ? ["rule"] : []), Set([0] + figures.indices.map { 7 + $0 }), rows)
  }

  private func limited(
    _ title: String, _ heading: [String], _ rightAligned: Set<Int>, _ rows: [[String]]
  ) -> String {
    guard !rows.isEmpty else { return "" }
    let limit = verbose ? rows.count : MarkdownWriter.rowLimit
    var text = "## \(title)\n\n"
    text += MarkdownText.table(heading, rightAligned: rightAligned, Array(rows.prefix(limit)))
    if rows.count > limit {
      text += "\n\(rows.count - limit) more are not shown; the verbose report shows all.\n"
    }
    return text
  }

  /// Every figure of the first failing tensors.
  var details: String {
    let failing = entries.filter { $0.verdict.isFailure && $0.isCompared }
    let shown = verbose ? failing[...] : failing.prefix(max(comparison.options.detailLimit, 0))
    guard !shown.isEmpty else { return "" }
    var text = ""
    for tensor in shown {
      text +=
        "\n#### Step \(tensor.key.step), \(name(tensor.key.call)), "
        + "\(MarkdownText.code(tensor.slot.rawValue)) on "
        + "\(MarkdownText.code(tensor.device.name))\n\n"
      text += MarkdownText.table(["figure", "value"], figures(of: tensor))
    }
    let rest = failing.count - shown.count
    if rest > 0 {
      text += "\n\(MarkdownText.count(rest, "more failing tensor")) without details.\n"
    }
    return "## Details\n\n"
      + "<details><summary>\(MarkdownText.count(shown.count, "failing tensor")) in full</summary>\n"
      + text + "\n</details>\n"
  }

  /// Every figure of how a tensor differs.
  func measured(_ tensor: TensorResult) -> [[String]] {
    let bytes = tensor.estimate.map { [$0.bytesRow] } ?? []
    if let estimate = tensor.estimate, estimate.isEqual { return bytes }
    let figures = Metric.all.filter { $0.place != .actual && $0.place != .expected }
      .compactMap { metric in metric.whole(tensor).map { [metric.name, $0] } }
    return bytes + figures + (tensor.estimate?.sampleRow.map { [$0] } ?? [])
  }

  private func figures(of tensor: TensorResult) -> [[String]] {
    var rows = measured(tensor)
    if let difference = tensor.difference {
      rows.append(["smallest tolerance that passes", passing(difference, tensor)])
    }
    if hasRules { rows.append(["rule", rule(tensor)]) }
    if let pairing = pairing(tensor) { rows.append(pairing) }
    for side in [Metric.Place.actual, .expected] {
      let values = Metric.all.filter { $0.place == side }
      rows.append([
        side.rawValue, values.map { "\($0.name) \($0.cell(tensor))" }.joined(separator: ", "),
      ])
    }
    return rows
  }
}
