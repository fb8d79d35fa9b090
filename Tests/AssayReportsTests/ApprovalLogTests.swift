import AssayReports
import AssayRuns
import Foundation
import Testing

@Suite struct ApprovalLogTests {
  private func manifest(_ approvals: [Approval], id: String = "c") -> RunManifest {
    var provenance = Provenance(tool: "assay", toolVersion: "1", created: "2026-01-01T00:00:00Z")
    provenance.approvals = approvals
    return RunManifest(id: id, provenance: provenance)
  }

  private func approval(_ from: String?, _ to: String, _ reason: String? = nil) -> Approval {
    Approval(
      by: "Ada <ada@example.org>", from: from, to: to, date: Date(timeIntervalSince1970: 0),
      reason: reason)
  }

  @Test func newestComesFirst() {
    let text = manifest([approval(nil, "a"), approval("a", "c", "a new\nweight")]).approvalLog
    #expect(
      text == """
        run c
        by:       Ada <ada@example.org>
        date:     1970-01-01T00:00:00Z
        replaces: a

            a new\\nweight

        run a
        by:       Ada <ada@example.org>
        date:     1970-01-01T00:00:00Z
        replaces: nothing: it was the first
        """)
  }

  @Test func brokenLinesAreSaid() {
    #expect(
      manifest([approval(nil, "a"), approval("b", "c")]).approvalLog
        .hasSuffix(
          "the line is broken: c replaced b, but the golden before it was a"))
    #expect(
      manifest([approval(nil, "a")]).approvalLog
        .hasSuffix("the line is broken: the file holds run c, and the last approved one is a"))
  }

  @Test func nobodyIsSaidToHaveApproved() {
    #expect(RunManifest(id: "x").approvalLog.contains("nobody approved it"))
  }
}
