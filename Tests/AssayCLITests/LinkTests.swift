import Foundation
import Testing

/// Every link of the README, the pages and the articles leads somewhere.
@Suite struct LinkTests {
  @Test(arguments: try DocumentationPages.all())
  func linksLeadToFilesAndHeadings(page: String) throws {
    let root = AssayProcess.packageRoot
    let folder = root.appending(path: page).deletingLastPathComponent()
    let text = try DocumentationPages.lines(of: page).joined(separator: "\n")
    for match in text.matches(of: /\]\(([^)\s]+)\)/) where !match.output.1.contains("://") {
      let parts = match.output.1.split(separator: "#", omittingEmptySubsequences: false)
      let target = folder.appending(path: String(parts[0])).standardizedFileURL
      #expect(FileManager.default.fileExists(atPath: target.path), "\(match.output.1)")
      guard parts.count > 1 else { continue }
      let headings = try String(contentsOf: target, encoding: .utf8).split(separator: "\n")
        .filter { $0.hasPrefix("#") }.map(Self.anchor)
      #expect(headings.contains(String(parts[1])), "\(match.output.1)")
    }
    let articles = Set(try DocumentationPages.all().map { $0.split(separator: "/").last ?? "" })
    for match in text.matches(of: /<doc:([A-Za-z]+)>/) {
      #expect(articles.contains("\(match.output.1).md"), "\(match.output.0)")
    }
  }

  @Test func theReadmeLeadsToEveryPage() throws {
    let readme = try DocumentationPages.lines(of: "README.md").joined(separator: "\n")
    let pages = try DocumentationPages.all().filter { $0.hasPrefix("Documentation/") }
    #expect(pages.count > 3 && pages.filter { !readme.contains("](\($0))") } == [])
  }

  /// What GitHub makes of a heading.
  private static func anchor(_ heading: Substring) -> String {
    heading.drop { $0 == "#" || $0 == " " }.lowercased().replacing(" ", with: "-")
      .filter { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" }
  }
}
