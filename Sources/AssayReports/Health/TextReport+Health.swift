package import AssayComparison
import AssayRuns

extension TextReport {
  /// Renders what checking one run came to, on about one screen.
  ///
  /// - Parameter inColor: Whether to colour it by ANSI escape sequences.
  /// - Returns: UTF-8 text that ends with a newline.
  package static func render(_ health: RunHealth, inColor: Bool = false) -> String {
    func styled(_ text: String, _ code: String) -> String {
      inColor ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
    func fact(_ label: String, _ value: String) -> String {
      let padding = String(repeating: " ", count: max(10 - label.count, 0))
      return "  " + styled(label + padding, "2") + " " + PlainText.line(value, limit: 400)
    }
    var lines: [String] = []
    if let counts = health.countsText {
      lines.append(
        styled("✗ Unhealthy", "1;31") + ": \(counts); \(health.checkedText).")
    } else {
      lines.append(
        styled("✓ Healthy", "1;32") + ": \(health.checkedText), nothing found.")
    }
    lines.append(fact("run", health.path))
    let remarkLimit = 4
    let remarks = health.remarks
    lines += remarks.prefix(remarkLimit).map { fact($0.label, $0.text) }
    if remarks.count > remarkLimit {
      lines.append(fact("", "and \(remarks.count - remarkLimit) more failures and notes"))
    }
    for (kind, findings) in health.findingsByKind {
      lines.append("")
      lines.append(
        styled(kind.title, "1")
          + (health.inheritedText(kind).map { styled(" (\($0))", "2") } ?? ""))
      let limit = kind == .nonFinite ? 8 : 4
      for finding in findings.prefix(limit) {
        lines.append("  \(styled("✗", "31")) \(PlainText.line(finding.sentence, limit: 400))")
        let origin = finding.origin + (finding.repetition.map { "; the same \($0)" } ?? "")
        lines.append(fact("", origin))
        guard kind == .nonFinite, !finding.given.isEmpty else { continue }
        lines.append(fact("", "given \(finding.givenText(limit: 4))"))
      }
      if findings.count > limit { lines.append("    and \(findings.count - limit) more") }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
