import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

/// A pattern whose matching was given up selects nobody knows what: never a match.
@Suite struct UnfinishedPatternTests {
  private static let name = String(repeating: "a", count: 60)
  private static let catastrophic = "(a+)+b"
  private static let unfinished = UnfinishedPattern(pattern: catastrophic, name: name)

  private static func equalRuns() throws -> (InMemoryRun, InMemoryRun) {
    let calls: [Call] = [(name, [("outputs", [1, 2])]), ("fine", [("outputs", [3])])]
    return (try run("A", calls), try run("B", calls))
  }

  private static func allOptions() throws -> [ComparisonOptions] {
    let catastrophic = try ModulePattern(catastrophic)
    let rules = try ToleranceRules(
      yaml: "rules: [{module: (a+)+b, rtol: 1, atol: 1}, {module: .*, rtol: 0, atol: 0}]")
    return [
      ComparisonOptions(modules: [catastrophic, try ModulePattern("fine")]),
      ComparisonOptions(tolerance: .rules(rules)),
      ComparisonOptions(logits: catastrophic),
    ]
  }

  @Test func noSelectionAndNoRuleMatches() throws {
    let (actual, expected) = try Self.equalRuns()
    for options in try Self.allOptions() {
      let comparison = try compare(actual, expected, options)
      #expect(comparison.failures.contains(.unfinishedPattern(Self.unfinished)))
      #expect(!comparison.isMatch)
    }
  }

  @Test func aMappingOfWhichNobodyKnowsWhatItLeavesOut() throws {
    let (actual, expected) = try Self.equalRuns()
    let mapping = try Mapping(
      yaml: "rules: [{drop: actual, module: (a+)+b, optional: true}]")
    let comparison = try compare(actual, expected, ComparisonOptions(mapping: mapping))
    #expect(comparison.failures.contains(.unfinishedPattern(Self.unfinished)))
  }

  @Test func aCheckOfARun() throws {
    let (run, _) = try Self.equalRuns()
    let options = HealthOptions(
      modules: [try ModulePattern(Self.catastrophic), try ModulePattern("fine")])
    let health = RunHealth.check(run, options: options)
    #expect(health.failures.contains(.unfinishedPattern(Self.unfinished)) && !health.isHealthy)
  }

  @Test func rulesThatAreTried() throws {
    let (run, _) = try Self.equalRuns()
    let rules = try ToleranceRules(
      yaml: "rules: [{module: (a+)+b, rtol: 1, atol: 1}, {module: .*, rtol: 1, atol: 1}]")
    #expect(throws: ComparisonError.unfinishedPattern(Self.unfinished)) {
      try rules.findings(on: [run])
    }
  }

  /// What merges shards matches no rules, so the part itself is refused.
  @Test func aShardOfAComparison() throws {
    let (actual, expected) = try Self.equalRuns()
    let rules = try ToleranceRules(
      yaml: "rules: [{module: (a+)+b, rtol: 1, atol: 1}, {module: .*, rtol: 1, atol: 1}]")
    let work = ShardedWork(
      try ComparisonWork(
        actual: actual, expected: expected, options: ComparisonOptions(tolerance: .rules(rules))),
      count: 1)
    #expect(throws: ComparisonError.unfinishedPattern(Self.unfinished)) { try work.part(1) }
  }

  @Test func theSentenceNamesPatternAndNameInShort() throws {
    let long = UnfinishedPattern(
      pattern: "(a+)+b", name: String(repeating: "a", count: 10_000))
    #expect(
      long.description.hasPrefix(
        "the pattern \"(a+)+b\" takes too long on \"\(String(repeating: "a", count: 80))… "
          + "(10000 characters)\", so that nobody knows whether it matches: "))
  }
}
