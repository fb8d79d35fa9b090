package import AssayComparison
import AssayRuns
import AssayTensors

extension HTMLReport {
  /// Renders what checking one run came to as one self-contained HTML page without scripts.
  ///
  /// - Returns: UTF-8 text that ends with a newline.
  /// - Complexity: O(findings).
  package static func render(_ health: RunHealth) -> String {
    let page = HealthPage(health: health)
    let subject = health.path.split(separator: "/").last.map(String.init) ?? health.path
    let title = "Assay check: \(page.verdict.lowercased()), \(subject)"
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
      style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
      <link rel="icon" href="data:,">
      <title>\(HTMLText.escaped(title))</title>
      <style>
      \(HTMLPage.style)</style>
      </head>
      <body>
      \(page.header)
      <main>
      \(page.remarks)
      \(health.findingsByKind.map { page.section($0.kind, $0.findings) }.joined(separator: "\n"))
      </main>
      </body>
      </html>

      """
  }
}

private struct HealthPage {
  var health: RunHealth

  private static let rowLimit = 1000

  var verdict: String { health.isHealthy ? "Healthy" : "Unhealthy" }

  var header: String {
    let lede =
      health.sentence.map { $0 + "." } ?? "Nothing was found: \(health.checkedText)."
    let tiles = [
      ("findings", health.findings.count), ("tensors checked", health.summary.tensors),
      ("elements", health.summary.elements), ("module calls", health.summary.calls),
      ("steps", health.steps.count), ("unreadable", health.summary.unreadable),
    ].map { "<div><dt>\($0.0)</dt><dd><b>\($0.1)</b></dd></div>" }
    return """
      <header class="\(health.isHealthy ? "match" : "mismatch")">
      <p class="brand">Assay check</p>
      <h1><span aria-hidden="true">\(health.isHealthy ? "✓" : "✗")</span> \(verdict)</h1>
      <p class="lede">\(HTMLText.escaped(lede))</p>
      <dl class="tiles">\(tiles.joined())</dl>
      <dl class="subject"><div><dt>run</dt><dd>\(HTMLText.code(health.path))</dd></div></dl>
      </header>
      """
  }

  var remarks: String {
    let remarks = health.remarks
    guard !remarks.isEmpty else { return "" }
    let items = remarks.map { remark in
      let kind = remark.label == "note" ? "note" : "failure"
      return "<li class=\"\(kind)\"><b>\(remark.label)</b> \(HTMLText.escaped(remark.text))</li>"
    }
    return "<section class=\"card\"><h2>Failures and notes</h2><ul class=\"remarks\">"
      + items.joined() + "</ul></section>"
  }

  func section(_ kind: HealthKind, _ findings: [HealthFinding]) -> String {
    let more = findings.count - Self.rowLimit
    let caption = [
      health.inheritedText(kind), more > 0 ? "\(more) more findings are not shown" : nil,
    ].compactMap { $0 }.joined(separator: "; ")
    let heading = ["step", "module", "slot", "form", "found", "origin", "given"]
      .map { "<th scope=\"col\">\($0)</th>" }.joined()
    return """
      <section aria-labelledby="\(kind.rawValue)" class="card">
      <h2 id="\(kind.rawValue)">\(kind.title)</h2>
      <div class="scroll" tabindex="0" role="region" aria-label="\(kind.title)"><table>\
      <caption>\(HTMLText.escaped(caption))</caption><thead><tr>\(heading)</tr></thead><tbody>
      \(findings.prefix(Self.rowLimit).map(row).joined(separator: "\n"))
      </tbody></table></div>
      </section>
      """
  }

  private func row(_ finding: HealthFinding) -> String {
    let tensor = finding.tensor
    let cells = [
      "\(tensor.slot.rawValue)", "\(tensor.dtype.rawValue) \(tensor.shape)",
      finding.found + (finding.repetition.map { " (\($0))" } ?? ""), finding.origin,
      finding.givenText(limit: 12),
    ]
    return "<tr><td class=\"n\">\(finding.call.step)</td><th scope=\"row\">"
      + HTMLText.code(PlainText.name(finding.call)) + "</th>"
      + cells.enumerated().map { column, cell in
        // Slot and form stay on their line, sentences do not.
        let style = column < 2 ? "" : " style=\"white-space: normal; min-width: 22ch\""
        return "<td\(style)>\(HTMLText.escaped(cell))</td>"
      }.joined() + "</tr>"
  }
}
