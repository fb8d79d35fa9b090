import AssayComparison
import AssayRuns
import AssayTensors

extension ComparisonSummary.TensorCounts {
  /// How many of those compared are estimates: `420 by digest, an estimate`; or `nil`.
  var estimateText: String? {
    estimated == 0 ? nil : "\(estimated) by digest, an estimate"
  }
}

extension DigestEstimate {
  /// What is known of the error, in plain text.
  var errorText: String {
    if isEqual { return "none: the hashes are equal" }
    guard let relativeL2 else { return "unknown: the digests tell no more than that bytes differ" }
    return "\(Metric.relativeL2.name) \(Metric.relativeL2.text(relativeL2)), estimated from digests"
  }

  /// What the hashes say.
  var bytesRow: [String] { ["bytes", isEqual ? "equal by their hash" : "differ by their hash"] }

  /// What the elements say that both sides keep.
  var sampleRow: [String]? {
    guard !isEqual, let sample else { return nil }
    return [
      "sample",
      "\(sample.mismatchedCount) of \(MarkdownText.count(sample.elementCount, "element")) outside "
        + "the tolerance, \(Metric.maxAbs.name) \(MarkdownText.number(sample.maxAbs?.value))",
    ]
  }
}

extension TensorResult {
  /// Why it fails, or else that its figures are estimates.
  var shownReason: String? {
    isEstimated ? [reason, estimate?.errorText].compactMap { $0 }.joined(separator: "; ") : reason
  }

  /// How much it differs, in plain text.
  var errorText: String {
    estimate?.errorText ?? "\(Metric.maxAbs.name) \(Metric.maxAbs.text(difference?.maxAbs?.value))"
  }
}

extension MarkdownWriter {
  /// What it means that verdicts are estimates.
  var estimates: String {
    let count = comparison.summary.tensors.estimated
    guard count > 0 else { return "" }
    let failing = entries.count { $0.isEstimated && $0.verdict.isFailure }
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
