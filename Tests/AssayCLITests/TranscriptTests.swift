import Foundation
import Testing

/// What the documentation shows is what the binary prints.
@Suite struct TranscriptTests {
  /// One command of a ```` ```console ```` block and the lines that follow it.
  struct Transcript: CustomTestStringConvertible, Sendable {
    var command: String
    var output: [String]
    var testDescription: String { command }
  }

  /// All commands of a document that call `assay`.
  static func transcripts(in document: String) throws -> [Transcript] {
    let text = try String(
      contentsOf: AssayProcess.packageRoot.appending(path: document), encoding: .utf8)
    var found: [Transcript] = []
    var isInside = false
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      if line.hasPrefix("```") {
        isInside = line == "```console"
      } else if isInside, line.hasPrefix("$ ") {
        found.append(Transcript(command: String(line.dropFirst(2)), output: []))
      } else if isInside, let last = found.indices.last {
        found[last].output.append(line)
      }
    }
    return found
  }

  @Test func readmeCommandsPrintWhatTheReadmeShows() throws {
    let transcripts = try Self.transcripts(in: "README.md")
    try #require(transcripts.count >= 4)
    for transcript in transcripts where transcript.command.hasPrefix("assay ") {
      let outcome = try AssayProcess.shell(transcript.command)
      #expect(outcome.status <= 1, "\(transcript.command)\n\(outcome.stderr)")
      let lines = outcome.stdout.split(separator: "\n", omittingEmptySubsequences: false)
      let shown = transcript.output
      // A line of three dots stands for lines that the document leaves out.
      if let gap = shown.firstIndex(of: "...") {
        let tail = Array(shown[(gap + 1)...])
        #expect(lines.prefix(gap).map(String.init) == Array(shown[..<gap]), "\(transcript.command)")
        #expect(
          lines.filter { !$0.isEmpty }.suffix(tail.count).map(String.init) == tail,
          "\(transcript.command)")
      } else {
        #expect(lines.dropLast().map(String.init) == shown, "\(transcript.command)")
      }
    }
  }
}
