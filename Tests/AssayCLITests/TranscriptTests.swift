import Foundation
import Testing

/// What the README, the pages and the articles show is what the binary prints.
@Suite struct TranscriptTests {
  /// One command of a ```` ```console ```` block and the lines that follow it.
  struct Transcript: Sendable {
    var command: String
    var output: [String] = []
  }

  /// The pages that must show commands; others may.
  static let pagesWithCommands = [
    "README.md", "Documentation/ManyMachines.md", "Documentation/Recording.md",
    "Documentation/Testing.md",
    "Sources/AssayComparison/AssayComparison.docc/CalibratingTolerances.md",
    "Sources/AssayComparison/AssayComparison.docc/CheckingARun.md",
  ]

  @Test(arguments: try DocumentationPages.all())
  func commandsPrintWhatThePageShows(page: String) throws {
    let transcripts = Self.transcripts(in: try DocumentationPages.lines(of: page))
    #expect(!transcripts.isEmpty || !Self.pagesWithCommands.contains(page))
    // The commands of a page may build on each other, those of two pages do not.
    let folder = try Self.folderWithGoldens()
    for transcript in transcripts {
      #expect(transcript.command.hasPrefix("assay "))
      let outcome = try AssayProcess.shell(transcript.command, in: folder.url)
      #expect((0...1).contains(outcome.status), "\(transcript.command)\n\(outcome.stderr)")
      let printed = outcome.stdout.split(separator: "\n", omittingEmptySubsequences: false)
        .dropLast().map(String.init)
      #expect(
        Self.matches(printed, shown: transcript.output),
        "\(transcript.command) printed\n\(printed.prefix(60).joined(separator: "\n"))")
    }
  }

  @Test func pagesWithCommandsAreFound() throws {
    let pages = try DocumentationPages.all()
    #expect(Self.pagesWithCommands.filter { !pages.contains($0) } == [])
  }

  @Test func theReportInThePageIsTheOneThatCompareWrites() throws {
    let page = try DocumentationPages.lines(of: "Documentation/Comparing.md")
    let start = try #require(page.firstIndex(of: "<!-- report -->"))
    let end = try #require(page.firstIndex(of: "<!-- end of report -->"))
    let shown = page[(start + 1)..<end].filter { !$0.isEmpty }.map(Self.withoutHeadingLevel)
    try #require(shown.count > 20)
    let outcome = try AssayProcess.run([
      "compare", "Golden/tiny-llama/bugs/weight-row.h5", "Golden/tiny-llama/float32.h5",
    ])
    let written = outcome.stdout.split(separator: "\n").map(String.init)
      .map(Self.withoutHeadingLevel)
    #expect(Array(written.prefix(shown.count)) == Array(shown))
  }

  // MARK: - Reading a page

  /// All commands in order, each with its output.
  private static func transcripts(in lines: [String]) -> [Transcript] {
    var found: [Transcript] = []
    var isInside = false
    for line in lines {
      if line.hasPrefix("```") {
        isInside = line == "```console"
      } else if isInside, line.hasPrefix("$ ") {
        found.append(Transcript(command: String(line.dropFirst(2))))
      } else if isInside, let last = found.indices.last {
        found[last].output.append(line)
      }
    }
    return found
  }

  /// Commands write beside the goldens, but not into the project.
  private static func folderWithGoldens() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for name in ["Golden", "Tests"] {
      try FileManager.default.createSymbolicLink(
        at: folder.url.appending(path: name),
        withDestinationURL: AssayProcess.packageRoot.appending(path: name))
    }
    return folder
  }

  /// Whether the lines are those shown, where `...` stands for any number of lines left out.
  private static func matches(_ printed: [String], shown: [String]) -> Bool {
    let parts = shown.split(separator: "...", omittingEmptySubsequences: false).map(Array.init)
    guard parts.count > 1, let first = parts.first, let last = parts.last else {
      return printed == shown
    }
    guard printed.starts(with: first) else { return false }
    var rest = printed.dropFirst(first.count)
    for part in parts.dropFirst().dropLast() {
      guard let range = rest.firstRange(of: part) else { return false }
      rest = rest[range.upperBound...]
    }
    return rest.count >= last.count && Array(rest.suffix(last.count)) == last
  }

  private static func withoutHeadingLevel(_ line: String) -> String {
    line.hasPrefix("#") ? String(line.drop { $0 == "#" }) : line
  }
}
