import AssayBase
import Foundation
import Testing

@testable import AssayRuns

@Suite struct ApprovalTests {
  @Test(
    arguments: [
      ([:], nil),
      (["USER": "ada"], "ada"),
      (["LOGNAME": "ada", "USER": ""], "ada"),
      (["USER": "runner", "GITHUB_ACTOR": "ada"], "ada"),
      (["GITHUB_ACTOR": "bot", "GIT_AUTHOR_NAME": "Ada Lovelace"], "Ada Lovelace"),
      (["GIT_AUTHOR_EMAIL": "ada@example.org"], "ada@example.org"),
      (
        ["GIT_AUTHOR_NAME": " Ada\nLovelace ", "GIT_AUTHOR_EMAIL": "ada@example.org"],
        "Ada Lovelace <ada@example.org>"
      ),
    ] as [([String: String], String?)])
  func userIsWhoTheEnvironmentSays(_ environment: [String: String], _ expected: String?) {
    #expect(Approval.user(in: environment) == expected)
  }

  @Test func jsonHasTheDocumentedKeys() throws {
    var provenance = Provenance(tool: "assay", toolVersion: "1", created: "now")
    provenance.approvals = [
      Approval(by: "Ada", from: "a", to: "b", date: Date(timeIntervalSince1970: 0), reason: "why")
    ]
    let text = String(decoding: provenance.jsonValue.encoded(), as: UTF8.self)
    #expect(
      text == #"{"approvals":[{"by":"Ada","date":"1970-01-01T00:00:00Z","from":"a","#
        + #""reason":"why","to":"b"}],"created":"now","tool":"assay","tool_version":"1"}"#)
    #expect(try Provenance(json: JSONValue(decoding: Data(text.utf8))) == provenance)
  }

  @Test func provenanceWithoutApprovalsIsRead() throws {
    let text = #"{"created":"now","tool":"assay","tool_version":"1"}"#
    #expect(try Provenance(json: JSONValue(decoding: Data(text.utf8))).approvals == nil)
  }
}
