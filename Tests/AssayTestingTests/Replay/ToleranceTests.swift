import Assay
import AssayTesting
import AssayTestingSupport
import Foundation
import Testing

/// Who chooses the tolerance: argument, scope, trait, the file beside the golden, vLLM's default.
@Suite struct ToleranceTests {
  private let playground: Playground
  private let wide: Tolerance

  init() throws {
    playground = try Playground()
    wide = try Tolerance(rtol: 1, atol: 0)
    try playground.record("a/toy")
  }

  private func replay(tolerance: Tolerance? = nil) throws -> Bool {
    try playground.run {
      try verifyReplay("a/toy", record: .never, tolerance: tolerance) {
        try ToyModel.with { $0.factor = 4 }.run($0)
      }.isMatch
    }
  }

  private func write(_ rules: String) throws {
    try Data(rules.utf8).write(
      to: URL(filePath: playground.goldens + "/a/tolerances.yml"))
  }

  @Test func nobodyChooses() throws { #expect(try !replay()) }

  @Test func theFileChoosesLast() throws {
    try write("rules:\n  - {module: \".*\", rtol: 1, atol: 0}\n")
    #expect(try replay())
    #expect(try !replay(tolerance: .torch))
    #expect(try !withAssay(tolerance: .torch) { try replay() })
  }

  @Test func anArgumentBeatsAScope() throws {
    #expect(try withAssay(tolerance: .torch) { try replay(tolerance: wide) })
    #expect(try !withAssay(tolerance: wide) { try replay(tolerance: .torch) })
  }

  @Test(.assay(tolerance: .torch)) func aScopeBeatsATrait() throws {
    #expect(try !replay())
    #expect(try withAssay(tolerance: wide) { try replay() })
  }

  @Test func aTensorThatNoRuleMatchesFails() throws {
    try write("rules:\n  - {module: second, rtol: 1, atol: 0}\n")
    let texts = try playground.run {
      try failures { try assertReplay("a/toy", record: .never, ToyModel().run) }
    }
    #expect(texts.count == 1 && texts[0].contains("no tolerance rule matches"))
  }

  @Test func aFileThatIsNoRulesRunsNothing() throws {
    try write("rules:\n  - {module: second, rtol: -1, atol: 0}\n")
    var hasRun = false
    let texts = try playground.run {
      try failures { assertReplay("a/toy") { _ in hasRun = true } }
    }
    #expect(texts.count == 1 && texts[0].contains("tolerances.yml"))
    #expect(!hasRun)
  }
}
