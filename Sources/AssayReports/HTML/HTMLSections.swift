import AssayComparison
import AssayRuns
import AssayTensors

/// The parts of the page that need no script.
struct HTMLSections {
  var comparison: RunComparison

  var verdict: String { comparison.isMatch ? "Match" : "Mismatch" }

  /// The last part of each run's path.
  var subjects: String {
    [comparison.actual.path, comparison.expected.path]
      .map { $0.split(separator: "/").last.map(String.init) ?? $0 }
      .joined(separator: " against ")
  }

  var header: String {
    let summary = comparison.summary
    let tensors = summary.tensors
    let tiles = [
      tile("tensors", tensors.matched, tensors.total - tensors.skipped),
      tile("module calls", summary.modules.matched, summary.modules.total),
      tile("steps", summary.steps.matched, summary.steps.total),
      tile(
        "elements", summary.elements.compared - summary.elements.mismatched,
        summary.elements.compared),
    ]
    return """
      <header class="\(comparison.isMatch ? "match" : "mismatch")">
      <p class="brand">Assay comparison</p>
      <h1><span aria-hidden="true">\(comparison.isMatch ? "✓" : "✗")</span> \(verdict)</h1>
      <p class="lede">\(HTMLText.escaped(headline))</p>
      <dl class="tiles">\(tiles.joined())</dl>
      <dl class="subject"><div><dt>actual</dt><dd>\(HTMLText.code(comparison.actual.path))</dd></div>\
      <div><dt>expected</dt><dd>\(HTMLText.code(comparison.expected.path))</dd></div>\
      <div><dt>tolerance</dt><dd>\(HTMLText.escaped(comparison.options.tolerance.name))</dd></div></dl>
      </header>
      """
  }

  private func tile(_ name: String, _ matched: Int, _ total: Int) -> String {
    "<div><dt>\(name) matched</dt><dd><b>\(Self.grouped(matched))</b> of \(Self.grouped(total))</dd></div>"
  }

  /// A count with commas: `127,855`.
  private static func grouped(_ count: Int) -> String {
    let digits = Array(String(count))
    return digits.indices.map {
      ($0 > 0 && (digits.count - $0) % 3 == 0 ? "," : "") + String(digits[$0])
    }.joined()
  }

  private var headline: String {
    let writer = FailureTextWriter(comparison: comparison, words: .ofRuns)
    guard comparison.isMatch else {
      let estimate = comparison.summary.tensors.estimateText.map {
        " Of the tensors compared, \($0)."
      }
      return writer.sentence + "." + (estimate ?? "")
    }
    return "All that was compared is within the tolerance: \(writer.counts)."
  }

  /// Where the runs part, and what else fails or is to be known.
  var divergence: String {
    let facts = FailureTextWriter(comparison: comparison, words: .ofRuns).facts
      .filter { !["also", "tolerance"].contains($0.label) }
    var text = "<section aria-labelledby=\"divergence\" class=\"card\">"
    if comparison.isMatch {
      text += "<h2 id=\"divergence\">First difference</h2>" + firstDifference
    } else {
      text += "<h2 id=\"divergence\">First divergence</h2>" + place
      if !facts.isEmpty {
        text += "<dl class=\"facts\">"
        for fact in facts {
          text +=
            "<div><dt>\(Self.label(fact.label))</dt><dd>\(HTMLText.escaped(fact.value))</dd></div>"
        }
        text += "</dl>"
      }
    }
    text += introduced
    let remarks =
      comparison.failures.map { ("failure", $0.description) }
      + (comparison.nonFiniteText(.plain).map { [("NaN", $0)] } ?? [])
      + comparison.notes.map { ("note", $0) }
    if !remarks.isEmpty {
      text += "<ul class=\"remarks\">"
      for (kind, sentence) in remarks {
        text += "<li class=\"\(kind)\"><b>\(kind)</b> \(HTMLText.escaped(sentence))</li>"
      }
      text += "</ul>"
    }
    return text + "</section>"
  }

  /// The calls that made an error of their own, where there are several.
  private var introduced: String {
    let limit = 8
    let calls = comparison.introducedByError
    guard calls.count > 1 else { return "" }
    let rest = calls.count - limit
    var text =
      "<div class=\"scroll\"><table class=\"sides\"><caption>Calls that made an error of their own, "
      + "the largest first\(rest > 0 ? "; \(rest) more are not shown" : "")</caption><thead><tr>"
    for (name, isNumber) in [
      ("step", true), ("module", false), ("introduced", true), ("inputs", true), ("outputs", true),
    ] {
      text += "<th scope=\"col\"\(isNumber ? " class=\"n\"" : "")>\(name)</th>"
    }
    text += "</tr></thead><tbody>"
    for (step, module) in calls.prefix(limit) {
      text +=
        "<tr><td class=\"n\">\(step)</td><th scope=\"row\">"
        + HTMLText.code(PlainText.name(module.call)) + "</th>"
      for figure in [module.origin?.introducedError, module.inputError, module.outputError] {
        text += "<td class=\"n\">\(MarkdownText.number(figure))</td>"
      }
      text += "</tr>"
    }
    return text + "</tbody></table></div>"
  }

  private var place: String {
    guard let divergence = comparison.firstDivergence else {
      return "<p>No tensor fails, but the comparison as a whole does.</p>"
    }
    let birth = comparison.birthModule.map {
      "\(HTMLText.code(PlainText.name($0.call))) <span>before</span> "
    }
    return "<p class=\"place\">\(birth ?? "")\(HTMLText.code(PlainText.name(divergence.call)))"
      + " <span>step \(divergence.call.step)</span>"
      + " <span>\(HTMLText.code(divergence.tensor.slot.rawValue))</span>"
      + " <button type=\"button\" id=\"show-first\" hidden>Show its figures</button></p>"
  }

  private var firstDifference: String {
    guard let text = comparison.firstDifferenceText(.plain) else {
      return "<p>Every value that was compared is equal.</p>"
    }
    return "<p>\(HTMLText.escaped(text.asSentence)).</p>"
  }

  /// A fact's label as a heading over its value.
  private static func label(_ name: String) -> String {
    switch name {
    case "born": "born"
    case "worst": "worst element"
    case "passes": "smallest tolerance that would have hidden it"
    default: name
    }
  }

  /// Both runs and how they were compared.
  var parameters: String {
    let writer = MarkdownWriter(comparison: comparison, verbose: false)
    var text =
      "<section aria-labelledby=\"parameters\" class=\"card\"><h2 id=\"parameters\">Runs and "
      + "parameters</h2><div class=\"scroll\"><table><caption>Both runs</caption><thead><tr>"
      + "<td></td><th scope=\"col\">actual</th><th scope=\"col\">expected</th></tr></thead><tbody>"
    for row in writer.subjectRows {
      text +=
        "<tr\(row.differs ? " class=\"differs\"" : "")><th scope=\"row\">\(row.label)"
        + "\(row.differs ? " (differs)" : "")</th>"
        + "<td>\(row.actual.map { HTMLText.code($0) } ?? "–")</td>"
        + "<td>\(row.expected.map { HTMLText.code($0) } ?? "–")</td></tr>"
    }
    text += "</tbody></table></div><dl class=\"facts\">"
    for parameter in comparison.parameters {
      guard let value = parameter.text?(.plain) else { continue }
      text += "<div><dt>\(parameter.name)</dt><dd>\(HTMLText.escaped(value))</dd></div>"
    }
    return text + "</dl></section>"
  }
}
