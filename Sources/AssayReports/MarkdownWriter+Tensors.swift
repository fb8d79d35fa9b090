import AssayComparison
import AssayRuns
import AssayTensors

extension MarkdownWriter {
  /// A tensor and where it belongs.
  struct Entry {
    var step: Int
    var call: ModuleCall
    var tensor: TensorResult
  }

  /// All tensors in execution order.
  var entries: [Entry] {
    comparison.steps.flatMap { step in
      step.modules.flatMap { module in
        module.tensors.map { Entry(step: step.step, call: module.call, tensor: $0) }
      }
    }
  }

  /// What is on one side only, cannot be read or was not recorded, and why.
  var unpaired: String {
    var rows: [[String]] = []
    for step in comparison.steps {
      for module in step.modules {
        if module.verdict == .missingInActual || module.verdict == .missingInExpected {
          rows.append([
            "\(step.step)", name(module.call),
            "all (\(MarkdownText.count(module.tensors.count, "tensor")))", module.verdict.text,
            "only the \(module.verdict == .missingInActual ? "expected" : "actual") run has the "
              + (step.verdict == module.verdict ? "step" : "module call"),
          ])
          continue
        }
        for tensor in module.tensors where tensor.verdict.isFailure && !tensor.verdict.isDivergence
        {
          rows.append([
            "\(step.step)", name(module.call),
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
    let shown = entries.filter { verbose || $0.tensor.verdict.isDivergence }
    let rows = shown.map { entry in
      let tensor = entry.tensor
      let difference = tensor.difference
      let cells = [
        "\(entry.step)", name(entry.call), MarkdownText.code(tensor.slot.rawValue),
        MarkdownText.code(tensor.device.name), tensor.dtype?.rawValue ?? "–",
        tensor.shape?.description ?? "–",
        tensor.verdict.text + (tensor.reason.map { ": " + MarkdownText.plain($0) } ?? ""),
        difference.map { "\($0.mismatchedCount) / \($0.elementCount)" } ?? "–",
        tensor.isEstimated
          ? tensor.estimate?.maxAbsAtLeast.map { "≥ \(MarkdownText.number($0))" } ?? "–"
          : MarkdownText.number(difference?.maxAbs?.value),
        MarkdownText.number(difference?.maxRel?.value),
        tensor.estimate?.relativeL2?.shown ?? MarkdownText.number(difference?.relativeL2),
        tensor.estimate == nil ? MarkdownText.number(tensor.error) : "–",
        MarkdownText.bound(difference?.minimumRtol), MarkdownText.bound(difference?.minimumAtol),
      ]
      return hasRules ? cells + [rule(tensor)] : cells
    }
    return limited(
      verbose ? "All tensors" : "Tensors that differ",
      [
        "step", "module", "slot", "device", "dtype", "shape", "verdict", "mismatched", "max abs",
        "max rel", "rel L2", "worst row", "min rtol", "min atol",
      ] + (hasRules ? ["rule"] : []), [0, 7, 8, 9, 10, 11, 12, 13], rows)
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
    let failing = entries.filter { $0.tensor.verdict.isFailure && $0.tensor.isCompared }
    let shown = verbose ? failing[...] : failing.prefix(max(comparison.options.detailLimit, 0))
    guard !shown.isEmpty else { return "" }
    var text = ""
    for entry in shown {
      text +=
        "\n#### Step \(entry.step), \(name(entry.call)), "
        + "\(MarkdownText.code(entry.tensor.slot.rawValue)) on "
        + "\(MarkdownText.code(entry.tensor.device.name))\n\n"
      text += MarkdownText.table(["figure", "value"], figures(of: entry.tensor))
    }
    let rest = failing.count - shown.count
    if rest > 0 {
      text += "\n\(MarkdownText.count(rest, "more failing tensor")) without details.\n"
    }
    return "## Details\n\n"
      + "<details><summary>\(MarkdownText.count(shown.count, "failing tensor")) in full</summary>\n"
      + text + "\n</details>\n"
  }

  private func figures(of tensor: TensorResult) -> [[String]] {
    if let difference = tensor.difference { return rows(difference, tensor) }
    guard let estimate = tensor.estimate else { return [] }
    var rows = estimate.rows
    if hasRules { rows.append(["rule", rule(tensor)]) }
    if let pairing = pairing(tensor) { rows.append(pairing) }
    rows.append(["actual", statistics(estimate.actualStatistics)])
    rows.append(["expected", statistics(estimate.expectedStatistics)])
    return rows
  }

  private func rows(_ difference: Difference, _ tensor: TensorResult) -> [[String]] {
    let number = MarkdownText.number
    func extreme(_ value: Difference.Extreme?) -> String {
      value.map { element($0, tensor) } ?? "–"
    }
    var rows = [
      [
        "mismatched",
        "\(difference.mismatchedCount) of \(difference.elementCount) "
          + "(\(number(difference.mismatchedShare * 100)) %)"
          + index(difference.firstMismatchIndex, tensor.valueShape, ", first at "),
      ],
      ["max abs", extreme(difference.maxAbs)],
      ["max rel", extreme(difference.maxRel)],
      ["max abs among mismatched", extreme(difference.maxAbsMismatched)],
      ["max rel among mismatched", extreme(difference.maxRelMismatched)],
      ["mean abs", number(difference.meanAbs)],
      ["RMSE", number(difference.rmse)],
      ["rel L2", number(difference.relativeL2)],
      ["worst row", difference.worstRow.map { row($0, tensor) } ?? "–"],
      ["rel Linf", number(difference.relativeLinf)],
      ["cosine", difference.cosine.map { MarkdownText.value($0, .float32) } ?? "–"],
      ["sgl rel", number(difference.sglRel)],
      ["SNR dB", number(difference.snrDecibels)],
      [
        "max ULP",
        difference.maxULP.map { "\($0.distance)" + index($0.index, tensor.valueShape, " at ") }
          ?? "–",
      ],
      [
        "NaN / Inf",
        nonFinite("actual", difference.actualStatistics) + ", "
          + nonFinite("expected", difference.expectedStatistics)
          + "; \(MarkdownText.count(difference.nonFiniteDifferenceCount, "position")) differ"
          + index(difference.firstNonFiniteDifferenceIndex, tensor.valueShape, ", first at "),
      ],
      ["smallest tolerance that passes", passing(difference, tensor)],
    ]
    if let floor = difference.floor {
      rows.append([
        "beside the noise floor",
        "L2 ratio \(number(floor.l2Ratio)), Linf ratio \(number(floor.linfRatio)), "
          + "sigma ratio \(number(floor.sigmaRatio)), "
          + "Bhattacharyya \(MarkdownText.value(floor.bhattacharyya, .float16))",
      ])
    }
    if hasRules { rows.append(["rule", rule(tensor)]) }
    if let pairing = pairing(tensor) { rows.append(pairing) }
    if let quantiles = tensor.quantiles, quantiles.count == 4 {
      let names = ["p50", "p90", "p99", "p99.9"]
      rows.append([
        "quantiles of \\|d\\|",
        zip(names, quantiles).map { "\($0) \(number($1))" }.joined(separator: ", "),
      ])
    }
    rows.append(["actual", statistics(difference.actualStatistics)])
    rows.append(["expected", statistics(difference.expectedStatistics)])
    return rows
  }

  private func nonFinite(_ side: String, _ statistics: TensorStatistics) -> String {
    "\(side) \(statistics.nanCount) / \(statistics.infCount)"
  }

  private func statistics(_ statistics: TensorStatistics) -> String {
    let number = MarkdownText.number
    return "min \(number(statistics.min)), max \(number(statistics.max)), "
      + "mean \(number(statistics.mean)), std \(number(statistics.standardDeviation)), "
      + "L2 \(number(statistics.l2))"
  }
}
