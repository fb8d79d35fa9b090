package import AssayRuns

/// Renders a golden's line of approvals.
package enum ApprovalLog {
  /// Renders the approvals as plain text, the newest first, as `git log` does with commits.
  ///
  /// - Parameter manifest: What the golden says about itself.
  /// - Returns: Text without a newline at its end; one sentence for a run that nobody approved.
  package static func text(of manifest: RunManifest) -> String {
    let approvals = manifest.provenance?.approvals ?? []
    guard !approvals.isEmpty else {
      return
        "run \(line(manifest.id)), made by \(line("\(RunMaker(manifest.provenance))")): nobody "
        + "approved it; `assay approve` makes a run a golden"
    }
    var blocks: [String] = []
    for approval in approvals.reversed() {
      var lines = ["run \(line(approval.to))"]
      lines.append("by:       \(line(approval.by))")
      lines.append("date:     \(line(approval.date))")
      lines.append("replaces: \(replaced(approval))")
      if let reason = approval.reason { lines += ["", "    \(line(reason))"] }
      blocks.append(lines.joined(separator: "\n"))
    }
    if let gap = gap(approvals, manifest.id) { blocks.append(gap) }
    return blocks.joined(separator: "\n\n")
  }

  /// The golden that was replaced, and what made it.
  private static func replaced(_ approval: Approval) -> String {
    guard let from = approval.from else { return "nothing: it was the first" }
    return line(from) + (approval.replaced.map { ", made by " + line("\($0)") } ?? "")
  }

  /// Says where the line is broken: each golden replaces the one before, and the last is this one.
  private static func gap(_ approvals: [Approval], _ id: String) -> String? {
    for (earlier, later) in zip(approvals, approvals.dropFirst()) where later.from != earlier.to {
      return "the line is broken: \(line(later.to)) replaced \(later.from.map(line) ?? "nothing"), "
        + "but the golden before it was \(line(earlier.to))"
    }
    guard let last = approvals.last, last.to != id else { return nil }
    return "the line is broken: the file holds run \(line(id)), and the last approved one is "
      + line(last.to)
  }

  private static func line(_ text: String) -> String { PlainText.line(text, limit: 400) }
}
