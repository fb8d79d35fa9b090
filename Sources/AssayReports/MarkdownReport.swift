package import AssayComparison
import AssayRuns
import AssayTensors

/// Renders a comparison as GitHub markdown.
package enum MarkdownReport {
  /// Renders a comparison.
  ///
  /// - Parameters:
  ///   - comparison: What comparing two runs came to.
  ///   - verbose: Whether to show every tensor, not only what failed, and every detail.
  ///   - growthPlot: Where the picture of the error's growth is, relative to the report and
  ///     percent-encoded; `nil` for none.
  /// - Returns: UTF-8 text that ends with a newline.
  package static func render(
    _ comparison: RunComparison, verbose: Bool = false, growthPlot: String? = nil
  ) -> String {
    let writer = MarkdownWriter(comparison: comparison, verbose: verbose)
    let sections = [
      writer.verdict, writer.subject, writer.parameters, writer.rules, writer.mapping,
      writer.summary, writer.rows, writer.estimates,
      writer.firstDivergence, writer.nonFinite,
      writer.firstDifference, writer.growthPicture(growthPlot), writer.growth, writer.introduced,
      writer.logits, writer.largest,
      writer.stepResults,
      writer.moduleResults,
      writer.unpaired, writer.tensorTables, writer.details,
    ]
    return sections.filter { !$0.isEmpty }.joined(separator: "\n")
  }
}

/// Writes the sections of one report; each ends with a newline or is empty.
struct MarkdownWriter {
  var comparison: RunComparison
  var verbose: Bool

  /// Where a long list ends unless everything was asked for.
  static let rowLimit = 200
}

extension MarkdownWriter {
  var verdict: String { headline + (remarks.isEmpty ? "" : "\n" + remarks) }

  /// The verdict with its counts, and where the runs part.
  var headline: String {
    var lines = "# Assay comparison: \(comparison.isMatch ? "match" : "mismatch")\n\n"
    let tensors = comparison.summary.tensors
    let compared =
      "\(MarkdownText.count(tensors.compared, "tensor")) "
      + "(\(MarkdownText.count(comparison.summary.elements.compared, "element"))) compared"
      + (tensors.estimateText.map { ", of them \($0)" } ?? "")
    if comparison.isMatch {
      lines += "✅ **Match**: \(compared), all within the tolerance"
      if tensors.skipped > 0 { lines += "; \(tensors.skipped) skipped in both runs" }
      if tensors.notComputed > 0 { lines += "; \(tensors.notComputed) without a row of both runs" }
      if let dropped = comparison.droppedText { lines += "; \(dropped)" }
      if let lacking = comparison.lackingRowsText { lines += "; \(lacking)" }
      return lines + ".\n"
    }
    let counts = [
      (tensors.mismatched, "differ"), (tensors.missingInActual, "missing in the actual run"),
      (tensors.missingInExpected, "missing in the expected run"),
      (tensors.unreadable, "unreadable"), (tensors.notRecorded, "not recorded"),
      (tensors.misplaced, "not placed as declared"),
      (tensors.differingReplicas, "of ranks that differ"),
      (tensors.notComputed, "without a row of both runs"), (tensors.skipped, "skipped"),
    ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    lines += "❌ **Mismatch**: "
    if !counts.isEmpty {
      lines +=
        "of \(MarkdownText.count(tensors.total, "tensor")) \(counts.joined(separator: ", ")); "
    }
    lines += compared + (comparison.droppedText.map { "; \($0)" } ?? "")
    lines += (comparison.lackingRowsText.map { "; \($0)" } ?? "") + ".\n"
    if let place = comparison.birthText(.markdown) {
      lines += "First divergence: \(place).\n"
    }
    if let other = otherInputs { lines += "\n**Other inputs**: \(other).\n" }
    return lines
  }

  private var remarks: String {
    let lines =
      comparison.failures.map { "- **Failure**: \(MarkdownText.plain($0.description)).\n" }
      + comparison.notes.map { "- Note: \(MarkdownText.plain($0)).\n" }
    return lines.joined()
  }

  var subject: String {
    let rows = subjectRows.map { row in
      [
        row.differs ? "**\(row.label)** (differs)" : row.label,
        row.actual.map(MarkdownText.code) ?? "–", row.expected.map(MarkdownText.code) ?? "–",
      ]
    }
    return MarkdownText.table(["", "actual", "expected"], rows)
  }

  /// What is known of both runs.
  var subjectRows: [(label: String, actual: String?, expected: String?, differs: Bool)] {
    let (actual, expected) = (comparison.actual, comparison.expected)
    var rows: [(label: String, actual: String?, expected: String?, differs: Bool)] = [
      ("path", actual.path, expected.path, false),
      ("run", actual.manifest.id, expected.manifest.id, false),
    ]
    for (label, read) in MarkdownWriter.provenanceRows {
      let ours = actual.manifest.provenance.flatMap(read)
      let theirs = expected.manifest.provenance.flatMap(read)
      guard ours != nil || theirs != nil else { continue }
      rows.append((label, ours, theirs, ours != nil && theirs != nil && ours != theirs))
    }
    return rows
  }

  private static let provenanceRows: [(String, @Sendable (Provenance) -> String?)] = [
    ("framework", { joined($0.framework, $0.frameworkVersion) }),
    ("recorded by", { joined($0.tool, $0.toolVersion) }),
    ("model", { $0.modelHash }),
    ("dtype", { $0.dtype }),
    ("seed", { $0.seed.map(String.init) }),
    ("threads", { $0.threads.map(String.init) }),
    ("cpu", { $0.cpu }),
    ("approved by", { $0.approvals?.last.map { joined($0.by + ",", $0.date) ?? "" } }),
  ]

  private static func joined(_ parts: String?...) -> String? {
    let known = parts.compactMap { $0 }
    return known.isEmpty ? nil : known.joined(separator: " ")
  }

  var parameters: String {
    let rows = comparison.parameters.compactMap { parameter in
      parameter.text.map { [parameter.name, $0(.markdown)] }
    }
    return "## Parameters\n\n" + MarkdownText.table(["parameter", "value"], rows)
  }

  var summary: String {
    let summary = comparison.summary
    func row(_ name: String, _ counts: ComparisonSummary.Counts) -> [String] {
      [name, counts.total, counts.matched, counts.mismatched, counts.missing].cells
        + ["–", "\(counts.total - counts.matched - counts.mismatched - counts.missing)"]
    }
    let tensors = summary.tensors
    var heading = ["", "total", "matched", "mismatched", "missing", "unreadable", "skipped"]
    var rows = [
      row("steps", summary.steps), row("module calls", summary.modules),
      [
        "tensors", tensors.total, tensors.matched, tensors.mismatched,
        tensors.missingInActual + tensors.missingInExpected, tensors.unreadable, tensors.skipped,
      ].cells,
      [
        "elements", summary.elements.compared,
        summary.elements.compared - summary.elements.mismatched, summary.elements.mismatched,
      ].cells + ["–", "–", "–"],
    ]
    if tensors.notRecorded > 0 {
      heading.append("not recorded")
      for position in rows.indices {
        rows[position].append(position == 2 ? "\(tensors.notRecorded)" : "–")
      }
    }
    for (count, name) in [
      (tensors.misplaced, "misplaced"), (tensors.differingReplicas, "ranks differ"),
    ] where count > 0 {
      heading.append(name)
      for position in rows.indices { rows[position].append(position == 2 ? "\(count)" : "–") }
    }
    return "## Summary\n\n"
      + MarkdownText.table(heading, rightAligned: Set(1..<heading.count), rows)
  }
}

extension [Any] {
  fileprivate var cells: [String] { map { "\($0)" } }
}

extension MarkdownWriter {
  /// A call's name as code, with its number where it is not the first of the step.
  func name(_ call: CallKey) -> String { Markup.markdown.name(call) }
}
