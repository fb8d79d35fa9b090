import AssayComparison
import Foundation
import Testing

/// The files of rules that the pages show can be read.
@Suite struct DocumentedRulesTests {
  @Test func theMappingOfThePageIsOne() throws {
    let mapping = try Mapping(yaml: Self.sample(of: "Documentation/Comparing.md"))
    #expect(mapping.name == "3 rules")
  }

  @Test func theMappingsOfTheArticleAreSome() throws {
    let samples = try Self.samples(
      of: "Sources/AssayComparison/AssayComparison.docc/MappingModules.md")
    #expect(
      try samples.map { try Mapping(yaml: $0).name } == ["2", "4", "3", "3"].map { "\($0) rules" })
  }

  @Test func theTolerancesOfTheArticleAreRules() throws {
    let rules = try ToleranceRules(
      yaml: Self.sample(of: "Sources/AssayTesting/AssayTesting.docc/SettingTolerances.md"))
    #expect(rules.rules.count == 3)
  }

  /// The only sample of YAML in a page.
  private static func sample(of page: String) throws -> String {
    let samples = try samples(of: page)
    try #require(samples.count == 1)
    return samples[0]
  }

  private static func samples(of page: String) throws -> [String] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let parts = try String(contentsOf: root.appending(path: page), encoding: .utf8)
      .components(separatedBy: "```yaml\n")
    return try parts.dropFirst().map { try #require($0.components(separatedBy: "```").first) }
  }
}
