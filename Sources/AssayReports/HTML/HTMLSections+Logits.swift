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
      ["step", "expected token", "actual token", "rank"] + Metric.ofLogits.map(\.name)
    for heading in headings { text += "<th scope=\"col\" class=\"n\">\(heading)</th>" }
    text += "</tr></thead><tbody>"
    for logits in all.prefix(limit) {
      let cells = logits.tokens + Metric.ofLogits.map { $0.cell(logits.tensor) }
      text += "<tr><th scope=\"row\" class=\"n\">\(logits.step)</th>"
      for cell in cells { text += "<td class=\"n\">\(cell)</td>" }
      text += "</tr>"
    }
    return text + "</tbody></table></div></section>"
  }
}
