package import AssayRuns

extension RunManifest {
  /// A golden's approvals as plain text, the newest first, as `git log` shows commits: without a
  /// newline at its end, and one sentence for a run that nobody approved.
  package var approvalLog: String {
    let approvals = provenance?.approvals ?? []
    guard !approvals.isEmpty else {
      return
        "run \(line(id)), made by \(line("\(RunMaker(provenance))")): nobody "
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
    if let gap = gap(approvals, id) { blocks.append(gap) }
    return blocks.joined(separator: "\n\n")
  }

  /// The golden that was replaced, and what made it.
  private func replaced(_ approval: Approval) -> String {
    guard let from = approval.from else { return "nothing: it was the first" }
    return line(from) + (approval.replaced.map { ", made by " + line("\($0)") } ?? "")
  }

  /// Says where the line is broken: each golden replaces the one before, and the last is this one.
  private func gap(_ approvals: [Approval], _ id: String) -> String? {
    for (earlier, later) in zip(approvals, approvals.dropFirst()) where later.from != earlier.to {
      return "the line is broken: \(line(later.to)) replaced \(later.from.map(line) ?? "nothing"), "
        + "but the golden before it was \(line(earlier.to))"
    }
    guard let last = approvals.last, last.to != id else { return nil }
    return "the line is broken: the file holds run \(line(id)), and the last approved one is "
      + line(last.to)
  }

  private func line(_ text: String) -> String { PlainText.line(text, limit: 400) }
}
