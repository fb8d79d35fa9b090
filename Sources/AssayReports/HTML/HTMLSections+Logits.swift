import AssayComparison

extension HTMLSections {
  /// What the logits say about tokens; empty without logits.
  var tokens: String {
    let all = comparison.logits
    guard !all.isEmpty else { return "" }
    let limit = 50
    let rest = all.count - limit
    var text =
      "<section aria-labelledby=\"tokens\" class=\"card\"><h2 id=\"tokens\">Tokens</h2><p>"
      + HTMLText.escaped(comparison.tokenSentence) + "</p>"
      + "<div class=\"scroll\"><table class=\"sides\"><caption>Logits of each step, by their last "
      + "position\(rest > 0 ? "; \(rest) more are not shown" : "")</caption><thead><tr>"
    let headings =
      ["step", "expected token", "actual token", "rank", "top 1"]
      + LogitsDifference.tokenCounts.map { "top \($0)" } + ["mean KL", "max KL"]
    for heading in headings { text += "<th scope=\"col\" class=\"n\">\(heading)</th>" }
    text += "</tr></thead><tbody>"
    for logits in all.prefix(limit) {
      let difference = logits.difference
      let last = difference.last
      var cells = [last?.expectedToken, last?.actualToken, last?.rank].map {
        $0.map(String.init) ?? "–"
      }
      cells +=
        ([difference.greedyAgreement]
        + LogitsDifference.tokenCounts.map {
          difference.topKAgreement[$0]
        }).map { $0.map { "\(MarkdownText.number($0 * 100)) %" } ?? "–" }
      cells += [difference.meanDivergence, difference.worst?.divergence].map(MarkdownText.number)
      text += "<tr><th scope=\"row\" class=\"n\">\(logits.step)</th>"
      for cell in cells { text += "<td class=\"n\">\(cell)</td>" }
      text += "</tr>"
    }
    return text + "</tbody></table></div></section>"
  }
}
