package import AssayComparison
import AssayRuns
import AssayTensors

extension MarkdownReport {
  /// Renders what checking one run came to.
  ///
  /// - Returns: UTF-8 text that ends with a newline.
  package static func render(_ health: RunHealth) -> String {
    let writer = HealthMarkdownWriter(health: health)
    return
      ([writer.headline, writer.remarks(limit: nil), writer.subject]
      + health.findingsByKind.map { writer.section($0.kind, $0.findings) })
      .filter { !$0.isEmpty }.joined(separator: "\n")
  }

  /// Renders the verdict and what to look at first, on about one screen.
  ///
  /// - Returns: At most 30 lines of UTF-8 that end with a newline.
  package static func summary(_ health: RunHealth) -> String {
    let writer = HealthMarkdownWriter(health: health)
    return [writer.headline, writer.remarks(limit: 3), writer.fewFindings]
      .filter { !$0.isEmpty }.joined(separator: "\n")
  }
}

private struct HealthMarkdownWriter {
  var health: RunHealth

  /// How many births of NaN are shown with all that was given.
  private static let detailLimit = 10

  var headline: String {
    guard let counts = health.countsText else {
      return "# Assay check: healthy\n\n✅ **Healthy**: \(health.checkedText), nothing found.\n"
    }
    var text = "# Assay check: unhealthy\n\n❌ **Unhealthy**: \(counts); \(health.checkedText).\n"
    if let first = health.firstNonFinite {
      text += "First NaN or infinity: \(name(first)), \(origin(first)).\n"
    }
    return text
  }

  func remarks(limit: Int?) -> String {
    let all = health.remarks.map { remark in
      remark.label == "note"
        ? "- Note: \(MarkdownText.plain(remark.text)).\n"
        : "- **\(capitalized(remark.label))**: \(MarkdownText.plain(remark.text)).\n"
    }
    guard let limit, all.count > limit else { return all.joined() }
    return all.prefix(limit).joined() + "- and \(all.count - limit) more failures and notes.\n"
  }

  var subject: String {
    let options = health.options
    var rows = [
      ["path", MarkdownText.code(health.path)], ["run", MarkdownText.code(health.manifest.id)],
    ]
    if let provenance = health.manifest.provenance {
      let tool = [provenance.tool, provenance.toolVersion].joined(separator: " ")
      rows.append(["recorded by", MarkdownText.code(tool)])
    }
    rows.append(
      ["steps", options.steps.map { $0.map(String.init).joined(separator: ", ") } ?? "all"])
    rows.append([
      "modules",
      options.modules.map { $0.map { MarkdownText.code($0.source) }.joined(separator: ", ") }
        ?? "all",
    ])
    return MarkdownText.table(["", "value"], rows)
  }

  func section(_ kind: HealthKind, _ findings: [HealthFinding]) -> String {
    var text = "## \(kind.title)\n"
    if let inherited = health.inheritedText(kind) { text += "\n\(inherited).\n" }
    var rest = findings[...]
    if kind == .nonFinite {
      for finding in rest.prefix(Self.detailLimit) { text += "\n" + birth(finding) }
      rest = rest.dropFirst(Self.detailLimit)
    }
    guard !rest.isEmpty else { return text }
    text += "\n" + table(rest.prefix(MarkdownWriter.rowLimit))
    let more = rest.count - MarkdownWriter.rowLimit
    return text + (more > 0 ? "\n\(more) more are not shown.\n" : "")
  }

  var fewFindings: String {
    let limit = 8
    guard !health.findings.isEmpty else { return "" }
    let more = health.findings.count - limit
    return table(health.findings.prefix(limit))
      + (more > 0 ? "\n\(more) more are not shown.\n" : "")
  }

  /// Where NaN or infinity was born, and what it was given.
  private func birth(_ finding: HealthFinding) -> String {
    var text =
      "\(name(finding)): \(MarkdownText.code(finding.tensor.slot.rawValue)) on "
      + "\(MarkdownText.code(finding.tensor.device.name)), \(form(finding.tensor)): "
      + "\(MarkdownText.plain(finding.found)).\n"
      + "\(capitalized(origin(finding)))"
      + (finding.repetition.map { "; the same \($0)" } ?? "") + ".\n"
    guard !finding.given.isEmpty else { return text }
    text +=
      "\n"
      + MarkdownText.table(
        ["given", "form", "min", "max", "NaN or infinite"], rightAligned: [2, 3, 4],
        finding.given.map { given in
          [
            MarkdownText.code(given.slot.rawValue), form(given),
            MarkdownText.number(given.census.min), MarkdownText.number(given.census.max),
            given.nonFiniteText,
          ]
        })
    return text
  }

  private func table(_ findings: some Sequence<HealthFinding>) -> String {
    MarkdownText.table(
      ["step", "module", "slot", "form", "found", "origin"], rightAligned: [0],
      findings.map { finding in
        [
          "\(finding.call.step)", Markup.markdown.name(finding.call),
          MarkdownText.code(finding.tensor.slot.rawValue), form(finding.tensor),
          MarkdownText.plain(finding.found)
            + (finding.repetition.map { " (\($0))" } ?? ""),
          origin(finding),
        ]
      })
  }

  private func name(_ finding: HealthFinding) -> String {
    "\(Markup.markdown.name(finding.call)) in step \(finding.call.step)"
  }

  private func origin(_ finding: HealthFinding) -> String {
    finding.origin(finding.birthplace.map { $0.text(Markup.markdown.name(_:within:)) })
  }

  private func form(_ tensor: HealthFinding.Figures) -> String {
    "\(tensor.dtype.rawValue) \(tensor.shape)"
  }

  private func capitalized(_ text: String) -> String {
    (text.first?.uppercased() ?? "") + text.dropFirst()
  }
}
