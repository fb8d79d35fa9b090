import AssayReports
import Foundation
import Testing

@Suite struct StepSummaryTests {
  private let folder = FileManager.default.temporaryDirectory.appending(
    path: "assay-summary-\(UUID().uuidString)")

  /// Runs a body with the path of a summary in a folder of its own.
  private func withFile(_ content: String?, _ body: (String) throws -> Void) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "summary.md").path
    if let content { try content.write(toFile: path, atomically: true, encoding: .utf8) }
    try body(path)
  }

  private func content(_ path: String) throws -> String {
    try String(contentsOfFile: path, encoding: .utf8)
  }

  @Test func reportsFollowOneAnother() throws {
    try withFile("from before") { path in
      try StepSummary.append("# one\n", to: path)
      try StepSummary.append("# two", to: path)
      #expect(try content(path) == "from before\n\n# one\n\n\n# two\n")
    }
  }

  @Test func missingFileIsMade() throws {
    try withFile(nil) { path in
      try StepSummary.append("# one\n", to: path)
      #expect(try content(path) == "# one\n")
    }
  }

  @Test func whatDoesNotFitIsCutAtASection() throws {
    let section = "## Section\n\n" + String(repeating: "| a row |\n", count: 10) + "\n"
    try withFile(nil) { path in
      try StepSummary.append(
        String(repeating: section, count: 100), to: path, wholeReport: "r.md", limit: 4096)
      let text = try content(path)
      #expect(text.utf8.count <= 4096)
      #expect(text.utf8.count > 3000)
      #expect(
        text.hasSuffix(
          "| a row |\n\n\n**This report is cut**: a summary holds no more than 4 KiB. "
            + "The whole report is `r.md`.\n"))
    }
  }

  @Test func openBlocksAreClosed() throws {
    let rows = String(repeating: "line 🙂\n", count: 2000)
    for (opening, closing) in [
      ("```text\n", "\n```\n"), ("~~~~\n", "\n~~~~\n"),
      ("<details><summary>a</summary>\n\n", "\n\n</details>\n"),
      ("<details><summary>a</summary>\n\n```\n", "\n```\n\n</details>\n"),
    ] {
      try withFile(nil) { path in
        try StepSummary.append("# T\n" + opening + rows, to: path, limit: 1000)
        let text = try content(path)
        #expect(text.utf8.count <= 1000 && text.utf8.count > 800)
        #expect(text.contains("line 🙂" + closing + "\n**This report is cut**"), "\(text)")
      }
    }
  }

  @Test func blocksThatEndAreNotClosedTwice() throws {
    let text = "```\n<details>\n```\n<details>\n</details>\n" + String(repeating: "x\n", count: 999)
    try withFile(nil) { path in
      try StepSummary.append(text, to: path, limit: 500)
      #expect(try content(path).contains("x\n\n**This report is cut**"))
    }
  }

  @Test func laterReportsStillSayThatTheyWereCut() throws {
    try withFile(nil) { path in
      let report = String(
        repeating: "# r\n" + String(repeating: "text ", count: 50) + "\n", count: 9999)
      var written = 0
      var failure: ReportError?
      for number in 0..<20 {
        do {
          try StepSummary.append("# report \(number)\n" + report, to: path)
          written += 1
        } catch {
          failure = error as? ReportError
        }
      }
      let text = try content(path)
      #expect(text.utf8.count <= 1 << 20)
      #expect(written > 5)
      #expect(failure == .fullSummary(path: path, limit: 1 << 20))
      for number in 0..<written { #expect(text.contains("# report \(number)\n")) }
    }
  }

  @Test func fullFileStaysAsItIs() throws {
    let full = String(repeating: "x", count: 1000)
    for limit in [0, 500, 1000, 1007] {
      try withFile(full) { path in
        #expect(throws: ReportError.fullSummary(path: path, limit: limit)) {
          try StepSummary.append("# one\n", to: path, limit: limit)
        }
        let after = try content(path)
        #expect(after == full)
      }
    }
  }

  @Test func fileThatJustFitsIsWhole() throws {
    try withFile(String(repeating: "x", count: 1000)) { path in
      try StepSummary.append("# one\n", to: path, limit: 1008)
      #expect(try content(path).hasSuffix("x\n\n# one\n"))
    }
  }

  @Test func whatCannotBeWrittenIsAnError() throws {
    try withFile("x") { path in
      #expect(throws: ReportError.self) { try StepSummary.append("a", to: path + "/b") }
      #expect(throws: ReportError.self) {
        try StepSummary.append("a", to: (path as NSString).deletingLastPathComponent)
      }
      #expect(throws: ReportError.self) { try StepSummary.append("a", to: "") }
      let pipe = path + ".pipe"
      #expect(mkfifo(pipe, 0o600) == 0)
      #expect(throws: ReportError.self) { try StepSummary.append("a", to: pipe) }
    }
  }

  @Test(.enabled(if: geteuid() != 0, "root may write everything"))
  func readOnlyFileIsAnError() throws {
    try withFile("x") { path in
      #expect(chmod(path, 0o444) == 0)
      #expect(throws: ReportError.self) { try StepSummary.append("a", to: path) }
      let after = try content(path)
      #expect(after == "x")
    }
  }

  @Test func writersAtTheSameTimeStayWithinTheLimit() throws {
    try withFile(nil) { path in
      let report = String(repeating: "abc\n", count: 100)
      DispatchQueue.concurrentPerform(iterations: 50) { number in
        try? StepSummary.append("# \(number)\n" + report, to: path, limit: 10_000)
      }
      let text = try content(path)
      #expect(text.utf8.count <= 10_000)
      #expect(
        text.split(separator: "\n").allSatisfy {
          $0.hasPrefix("# ") || $0.hasPrefix("**") || $0 == "abc"
        })
    }
  }
}
