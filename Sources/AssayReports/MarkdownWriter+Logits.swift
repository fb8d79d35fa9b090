import AssayComparison
import AssayRuns

extension MarkdownWriter {
  /// What the logits say about tokens.
  var logits: String {
    let all = comparison.logits
    guard !all.isEmpty else { return "" }
    var text = "## Logits\n\n\(comparison.tokenSentence)\n\n"
    let limit = verbose ? all.count : MarkdownWriter.rowLimit
    let rows = all.prefix(limit).map(row)
    let figures = Metric.ofLogits.map(\.name)
    text += MarkdownText.table(
      ["step", "module", "expected token", "actual token", "rank"] + figures,
      rightAligned: Set([0] + (2..<5 + figures.count)), rows)
    if all.count > limit { text += "\n\(all.count - limit) more are not shown.\n" }
    return text
      + "\nTokens and rank are those of the last position; top_k is the share of the k likeliest "
      + "tokens that agree, kl the divergence from the expected distribution.\n"
  }

  private func row(_ logits: RunComparison.StepLogits) -> [String] {
    ["\(logits.step)", name(logits.module.call)] + logits.tokens
      + Metric.ofLogits.map { $0.whole(logits.tensor) ?? "–" }
  }
}

extension RunComparison.StepLogits {
  /// The expected token of the last position, the actual one, and the place of the one among the
  /// actual logits.
  var tokens: [String] {
    [difference.last?.expectedToken, difference.last?.actualToken, difference.last?.rank]
      .map { $0.map(String.init) ?? "–" }
  }
}

extension RunComparison {
  /// Whether greedy decoding takes the same tokens, in one sentence.
  var tokenSentence: String {
    guard let other = firstOtherToken, let last = other.difference.last else {
      if let broken = logits.first(where: { $0.difference.last == nil }) {
        return "Greedy decoding has no token in step \(broken.step), whose last logits are not all "
          + "numbers."
      }
      return "Greedy decoding takes the same token in every step."
    }
    return "Greedy decoding first takes another token in step \(other.step): \(last.actualToken) "
      + "instead of \(last.expectedToken), which has rank \(last.rank)."
  }
}
