import AssayComparison
import AssayRuns
import AssayTensors
import Foundation
import Testing

@Suite struct LogitsDifferenceTests {
  private func comparison(_ bug: String) throws -> RunComparison {
    var root = URL(filePath: #filePath)
    for _ in 0..<4 { root.deleteLastPathComponent() }
    func open(_ name: String) throws -> any RunReader {
      try openRun(at: root.appending(path: "Golden/tiny-llama/\(name).h5").path)
    }
    return try RunComparison.compare(actual: open("bugs/\(bug)"), expected: open("float32"))
  }

  /// By numpy, in float64 from the same files: log-softmax, then `sum exp(lp) (lp - lq)`, and
  /// stable argsorts of the negated rows.
  @Test(arguments: [
    (0, 10, 3.187906779085566e-05, 1.7181148201093465e-4, 8, 0.98, 0.98, 14),
    (1, 1, 1.5072165939053792e-05, 1.5072165939053792e-05, 0, 1, 0.9, 223),
    (2, 1, 1.459002852524565e-3, 1.459002852524565e-3, 0, 1, 1, 56),
    (3, 1, 4.9633236702909976e-05, 4.9633236702909976e-05, 0, 1, 0.9, 266),
  ])
  func figuresAreThoseOfNumpy(
    step: Int, positions: Int, mean: Double, largest: Double, row: Int, top5: Double,
    top10: Double, token: Int
  ) throws {
    let logits = try comparison("rope-theta").logits
    #expect(logits.map(\.step) == [0, 1, 2, 3])
    let difference = logits[step].difference
    #expect(difference.positionCount == positions)
    #expect(abs(difference.meanDivergence / mean - 1) < 1e-9)
    let worst = try #require(difference.worst)
    #expect(abs(worst.divergence / largest - 1) < 1e-9)
    #expect(worst.row == row)
    #expect(abs(try #require(difference.topKAgreement[5]) - top5) < 1e-12)
    #expect(abs(try #require(difference.topKAgreement[10]) - top10) < 1e-12)
    let last = try #require(difference.last)
    #expect(last.expectedToken == token && last.actualToken == token && last.rank == 1)
    #expect(difference.greedyAgreement == 1)
    #expect(difference.firstOtherToken == nil)
  }

  private func difference(_ actual: [Float], _ expected: [Float], vocabulary: Int) throws
    -> LogitsDifference?
  {
    let shape = try Shape([actual.count / vocabulary, vocabulary])
    return LogitsDifference(
      actual: try Tensor(actual, dtype: .float32, shape: shape),
      expected: try Tensor(expected, dtype: .float32, shape: shape))
  }

  @Test func otherTokensAreNamedWithTheirRank() throws {
    let found = try #require(
      try difference(
        [1, 2, 3, 5, 4, 0, 1, 1, 1], [1, 2, 3, 4, 5, 0, 0, 1, 2], vocabulary: 3))
    #expect(found.positionCount == 3)
    let first = try #require(found.firstOtherToken)
    #expect(first.row == 1 && first.expectedToken == 1 && first.actualToken == 0)
    #expect(first.rank == 2)
    // Of three equal logits the lowest id comes first, so token 2 has rank 3.
    let last = try #require(found.last)
    #expect(last.row == 2 && last.expectedToken == 2 && last.actualToken == 0)
    #expect(last.rank == 3)
    #expect(found.greedyAgreement == 1.0 / 3)
    #expect(found.topKAgreement.isEmpty)
  }

  @Test func maskedTokensCountAndUndefinedRowsDoNot() throws {
    let minus = -Float.infinity
    // -inf in both is a token that cannot come; in the actual alone it costs infinitely much.
    let masked = try #require(try difference([minus, 0, 1], [minus, 0, 1], vocabulary: 3))
    #expect(masked.last?.divergence == 0)
    let lost = try #require(try difference([0, minus, 1], [0, 0, 1], vocabulary: 3))
    #expect(lost.last?.divergence == .infinity)
    let broken = try #require(
      try difference([0, 1, .nan, 1], [0, 1, 0, 1], vocabulary: 2))
    #expect(broken.positionCount == 1)
    #expect(broken.undefinedCount == 1)
    #expect(broken.last == nil)
  }

  @Test func whatHoldsNoLogitsHasNone() throws {
    #expect(try difference([1, 2], [1, 2], vocabulary: 1) == nil)
    let ids = try Tensor([1, 2] as [Int64], dtype: .int64, shape: Shape([1, 2]))
    #expect(LogitsDifference(actual: ids, expected: ids) == nil)
    let scalar = try Tensor([1] as [Float], dtype: .float32, shape: Shape([]))
    #expect(LogitsDifference(actual: scalar, expected: scalar) == nil)
  }

  @Test func patternThatMatchesNoLogitsFails() throws {
    let run = try run("A", [("head", [("outputs", [1, 2])])])
    let found = try compare(run, run, ComparisonOptions(logits: ModulePattern("^head$")))
    #expect(found.isMatch)
    #expect(found.logits.count == 1)
    #expect(found.firstOtherToken == nil)
    let lost = try compare(run, run, ComparisonOptions(logits: ModulePattern("lm_head")))
    #expect(!lost.isMatch)
    #expect(lost.failures == [.noLogits(pattern: "lm_head")])
  }

  @Test func boundsJudgeTokens() throws {
    func verdict(_ bound: String, _ module: String = "lm_head") throws -> TensorResult? {
      let rules = try ToleranceRules(yaml: "rules: [{module: .*, bound: \(bound)}]")
      return try compare(
        run("A", [(module, [("outputs", [1, 2, 5])])]),
        run("B", [(module, [("outputs", [1, 2, 4])])]),
        ComparisonOptions(tolerance: .rules(rules))
      ).tensor(module, "outputs")
    }
    // By numpy: the divergence is 0.05224314971980461.
    #expect(try verdict("max_kl <= 0.0523")?.verdict == .match)
    #expect(try verdict("max_kl <= 0.0522")?.verdict == .values)
    #expect(try verdict("top_1 >= 1")?.verdict == .match)
    // What is no output of a head has no tokens, and a figure that is not there meets no bound.
    let other = try verdict("top_1 >= 0.5", "mlp")
    #expect(other?.verdict == .values)
    #expect(other?.reason?.contains("top_1 is undefined") == true)
  }
}
