import AssayComparison
import Foundation
import Testing

/// The files of rules that the pages show can be read.
@Suite struct DocumentedRulesTests {
  @Test func theMappingOfThePageIsOne() throws {
    let mapping = try Mapping(yaml: Self.sample(of: "Documentation/Comparing.md"))
    #expect(mapping.name == "3 rules")
  }

  @Test func theTolerancesOfTheArticleAreRules() throws {
    let rules = try ToleranceRules(
      yaml: Self.sample(of: "Sources/AssayTesting/AssayTesting.docc/SettingTolerances.md"))
    #expect(rules.rules.count == 3)
  }

  /// The only sample of YAML in a page.
  private static func sample(of page: String) throws -> String {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let parts = try String(contentsOf: root.appending(path: page), encoding: .utf8)
      .components(separatedBy: "```yaml\n")
    try #require(parts.count == 2)
    return try #require(parts[1].components(separatedBy: "```").first)
  }
}
