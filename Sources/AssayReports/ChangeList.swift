package import AssayComparison
import AssayRuns
import AssayTensors

/// What a new golden changes: every tensor that is added, removed or differs at all.
package struct ChangeList: Sendable {
  /// The tensors that only the new run has.
  package private(set) var added: [TensorResult] = []
  /// The tensors that only the old golden has.
  package private(set) var removed: [TensorResult] = []
  /// The tensors whose values, shape or dtype change, within the tolerance or not.
  package private(set) var changed: [TensorResult] = []
  /// The tensors of which one side could not be read, or was not recorded, so that nothing is known
  /// of their change.
  package private(set) var unreadable: [TensorResult] = []
  /// How many tensors stay as they are.
  package private(set) var unchangedCount = 0

  /// Lists the changes.
  ///
  /// - Parameter comparison: The new run as the actual, the old golden as the expected one.
  /// - Complexity: O(tensors).
  package init(_ comparison: RunComparison) {
    for step in comparison.steps {
      for module in step.modules {
        for tensor in module.tensors {
          add(tensor)
        }
      }
    }
  }

  private mutating func add(_ change: TensorResult) {
    switch change.verdict {
    case .missingInExpected: added.append(change)
    case .missingInActual: removed.append(change)
    case .unreadable, .notRecorded, .placement, .replicas: unreadable.append(change)
    case .shape, .dtype: changed.append(change)
    case .match, .values, .skipped, .notComputed, .mismatch:
      // Equal NaNs fail under most tolerances, and yet nothing changes.
      if change.isEstimated || change.difference?.isAny ?? false {
        changed.append(change)
      } else {
        unchangedCount += 1
      }
    }
  }

  /// Whether nothing changes, as far as everything could be read.
  package var isEmpty: Bool {
    added.isEmpty && removed.isEmpty && changed.isEmpty && unreadable.isEmpty
  }
}

extension ChangeList {
  /// How many tensors change, in one line.
  package var summary: String {
    if isEmpty { return "no changes: \(MarkdownText.count(unchangedCount, "tensor")) as before" }
    let parts = [
      (added.count, "added"), (removed.count, "removed"), (changed.count, "changed"),
      (unreadable.count, "unreadable or not recorded"), (unchangedCount, "unchanged"),
    ].filter { $0.0 > 0 }
    return "tensors: " + parts.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
  }

  /// The changes in a bounded number of plain lines, without a newline at the end.
  ///
  /// A line begins with `+` for an added tensor, `-` for a removed one, `~` for a changed one and
  /// `?` for one that could not be read or was not recorded.
  package var text: String {
    var lines = [summary]
    for (mark, changes) in [("+", added), ("-", removed), ("~", changed), ("?", unreadable)] {
      for change in changes.prefix(ChangeList.lineLimit) { lines.append("\(mark) \(change.line)") }
      let rest = changes.count - ChangeList.lineLimit
      if rest > 0 { lines.append("\(mark) and \(rest) more") }
    }
    return lines.joined(separator: "\n")
  }

  /// The changes as GitHub markdown that ends with a newline.
  ///
  /// - Complexity: O(changes), but for each kind only the first 200 are listed.
  package var markdown: String {
    var text = "## Changes\n\n\(MarkdownText.plain(summary)).\n"
    for (title, changes) in [
      ("Added", added), ("Removed", removed), ("Unreadable or not recorded", unreadable),
    ] {
      text += table(
        title, ["step", "module", "slot", "device", "reason"], [0], changes
      ) { [MarkdownText.plain(PlainText.line($0.reason ?? "", limit: 400))] }
    }
    text += table(
      "Changed",
      ["step", "module", "slot", "device", "what"] + ChangeList.figures.map(\.name),
      Set([0] + ChangeList.figures.indices.map { 5 + $0 }), changed
    ) { change in
      [MarkdownText.plain(PlainText.line(change.what, limit: 400))]
        + ChangeList.figures.map { $0.cell(change) }
    }
    return text
  }

  private static let lineLimit = 10
  private static let figures: [Metric] = [.maxAbs, .maxRel, .relativeL2, .worstRow, .maxULP]

  private func table(
    _ title: String, _ heading: [String], _ rightAligned: Set<Int>, _ changes: [TensorResult],
    _ rest: (TensorResult) -> [String]
  ) -> String {
    guard !changes.isEmpty else { return "" }
    let rows = changes.prefix(MarkdownWriter.rowLimit).map { change in
      [
        "\(change.key.step)", Markup.markdown.name(change.key.call),
        MarkdownText.code(PlainText.line(change.slot.rawValue, limit: 400)),
        MarkdownText.code(PlainText.line(change.device.name, limit: 80)),
      ] + rest(change)
    }
    var text =
      "\n### \(title)\n\n"
      + MarkdownText.table(heading, rightAligned: rightAligned, rows)
    if changes.count > rows.count {
      text += "\n\(changes.count - rows.count) more are not shown.\n"
    }
    return text
  }
}

extension TensorResult {
  /// The change on one plain line.
  fileprivate var line: String {
    let place = "step \(key.step) \(PlainText.name(key.call)) \(PlainText.name(self))"
    switch verdict {
    case .match, .values, .skipped, .notComputed, .mismatch:
      if let estimate = estimate { return place + ": " + estimate.errorText }
      guard let difference = difference else { return place }
      return place + ": "
        + [Metric.maxAbs, .maxRel, .relativeL2]
        .map { "\($0.name) \($0.cell(self))" }.joined(separator: ", ")
        + (difference.nonFiniteDifferenceCount > 0
          ? ", NaN or infinite values at "
            + MarkdownText.count(difference.nonFiniteDifferenceCount, "position") : "")
    default: return place + (reason.map { ": " + PlainText.line($0, limit: 240) } ?? "")
    }
  }

  /// What changes, for a table that has the figures beside it.
  fileprivate var what: String {
    switch verdict {
    case .shape, .dtype: return reason ?? verdict.rawValue
    default:
      guard let difference = difference, difference.nonFiniteDifferenceCount > 0 else {
        return "values"
      }
      return "values, \(difference.nonFiniteDifferenceCount) NaN or infinite"
    }
  }
}

extension Difference {
  /// Whether any element differs at all, be it within the tolerance.
  fileprivate var isAny: Bool {
    nonFiniteDifferenceCount > 0 || maxAbs?.value ?? 0 > 0 || maxULP?.distance ?? 0 > 0
  }
}
