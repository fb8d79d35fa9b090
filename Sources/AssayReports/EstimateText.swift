import AssayComparison
import AssayRuns
import AssayTensors

extension ComparisonSummary.TensorCounts {
  /// How many of those compared are estimates: `420 by digest, an estimate`; or `nil`.
  var estimateText: String? {
    estimated == 0 ? nil : "\(estimated) by digest, an estimate"
  }
}

extension DigestEstimate.Figure {
  /// The estimate and its bounds: `≈ 1.2e-02 (1.0e-02 to 1.7e-02)`.
  var shown: String {
    let number = MarkdownText.number
    return value == lower && value == upper
      ? number(value) : "≈ \(number(value)) (\(number(lower)) to \(number(upper)))"
  }
}

extension DigestEstimate {
  /// What is known of the error, in plain text.
  var errorText: String {
    if isEqual { return "none: the hashes are equal" }
    guard let relativeL2 else { return "unknown: the digests tell no more than that bytes differ" }
    return "rel L2 \(relativeL2.shown), estimated from digests"
  }

  /// What a table of one tensor shows.
  var rows: [[String]] {
    var rows = [["bytes", isEqual ? "equal by their hash" : "differ by their hash"]]
    if isEqual { return rows }
    func add(_ name: String, _ figure: Figure?) {
      rows.append([name, figure?.shown ?? "not known"])
    }
    add("rel L2, estimated", relativeL2)
    // Near 1, where it mostly is, the digits that count are those of the distance to it.
    let gap = cosine.map { Figure(value: 1 - $0.value, lower: 1 - $0.upper, upper: 1 - $0.lower) }
    add("1 - cosine, estimated", gap)
    add("RMSE, estimated", rmse)
    rows.append([
      "max abs", maxAbsAtLeast.map { "at least \(MarkdownText.number($0))" } ?? "not known",
    ])
    if let sample {
      rows.append([
        "sample",
        "\(sample.mismatchedCount) of \(MarkdownText.count(sample.elementCount, "element")) outside "
          + "the tolerance, max abs \(MarkdownText.number(sample.maxAbs?.value))",
      ])
    }
    return rows
  }
}

extension TensorResult {
  /// Why it fails, or else that its figures are estimates.
  var shownReason: String? {
    isEstimated ? [reason, estimate?.errorText].compactMap { $0 }.joined(separator: "; ") : reason
  }

  /// How much it differs, in plain text.
  var errorText: String {
    estimate?.errorText ?? "max abs \(MarkdownText.number(difference?.maxAbs?.value))"
  }
}

extension MarkdownWriter {
  /// What it means that verdicts are estimates.
  var estimates: String {
    let count = comparison.summary.tensors.estimated
    guard count > 0 else { return "" }
    let failing = entries.count { $0.tensor.isEstimated && $0.tensor.verdict.isFailure }
    let percent = MarkdownText.number(DigestEstimate.confidence * 100)
    return """
      ## Estimates

      Of \(MarkdownText.count(count, "tensor")) a run keeps only a digest, and the bytes differ: their \
      verdicts are estimates, \(count - failing) that match and \(failing) that do not. Norms of \
      differences are estimated from random projections; the bounds beside a figure hold for each with \
      \(percent) % confidence. A match says that the estimate is within what the tolerance allows, not \
      that every element is.

      """
  }
}
