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
    text += MarkdownText.table(
      [
        "step", "module", "positions", "expected token", "actual token", "rank", "top 1",
      ] + LogitsDifference.tokenCounts.map { "top \($0)" } + ["mean KL", "max KL"],
      rightAligned: [0, 2, 3, 4, 5, 6, 7, 8, 9, 10], rows)
    if all.count > limit { text += "\n\(all.count - limit) more are not shown.\n" }
    return text
      + "\nTokens and rank are those of the last position; top k is the share of the k likeliest "
      + "tokens that agree, KL the divergence from the expected distribution in nats.\n"
  }

  private func row(_ logits: RunComparison.StepLogits) -> [String] {
    let difference = logits.difference
    var cells = ["\(logits.step)", name(logits.module.call), "\(difference.positionCount)"]
    cells +=
      difference.last.map { ["\($0.expectedToken)", "\($0.actualToken)", "\($0.rank)"] }
      ?? ["–", "–", "–"]
    cells.append(share(difference.greedyAgreement))
    cells += LogitsDifference.tokenCounts.map { share(difference.topKAgreement[$0]) }
    cells.append(MarkdownText.number(difference.meanDivergence))
    let worst = difference.worst.map {
      MarkdownText.number($0.divergence)
        + (difference.positionCount > 1 ? " at row \($0.row)" : "")
    }
    return cells + [worst ?? "–"]
  }

  private func share(_ value: Double?) -> String {
    value.map { "\(MarkdownText.number($0 * 100)) %" } ?? "–"
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
