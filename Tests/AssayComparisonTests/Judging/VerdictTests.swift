import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

@testable import AssayComparison

/// Which verdicts fail, and which rule decides: each by the table of the documentation.
@Suite struct VerdictTests {
  @Test func onlyTheseVerdictsDoNotFail() {
    #expect(
      Set(Verdict.allCases.filter { !$0.isFailure }) == [.match, .skipped, .notComputed])
    #expect(Set(Verdict.allCases.filter(\.isDivergence)) == [.values, .shape, .dtype])
  }

  @Test func onlyWhatIsMissingIsExplainedOtherwise() {
    let form = TensorForm(dtype: .float32, shape: .vector(3))
    let cases: [(Outcome, Outcome)] = [
      (.missingInActual(form, reason: "a"), .missingInActual(form, reason: "b")),
      (.missingInExpected(nil, reason: "a"), .missingInExpected(nil, reason: "b")),
      (.unreadable(reason: "a"), .unreadable(reason: "a")),
    ]
    for (before, after) in cases {
      var outcome = before
      outcome.explainMissing("b")
      #expect(outcome == after)
    }
  }

  @Test(arguments: [
    ("dtype: float32", true), ("dtype: bfloat16", false), ("step: 0", true), ("step: 1", false),
    ("step: [1, 0]", true), ("device: cpu", true), ("device: cuda:0", false),
    ("slot: ^outputs$", true), ("slot: inputs", false),
  ])
  func aRuleDecidesWhereAllThatItSaysFits(line: String, fits: Bool) throws {
    let rules = try ToleranceRules(
      yaml: "rules:\n  - module: m\n    \(line)\n    rtol: 0\n    atol: 1\n")
    var (actual, expected) = (InMemoryRun(path: "a"), InMemoryRun(path: "e"))
    actual.add(try Tensor([1.5 as Float], dtype: .float32), "m", "outputs")
    expected.add(try Tensor([1 as Float], dtype: .float32), "m", "outputs")
    let comparison = try RunComparison.compare(
      actual: actual, expected: expected, options: ComparisonOptions(tolerance: .rules(rules)))
    #expect(comparison.isMatch == fits)
    #expect(comparison.steps[0].modules[0].tensors[0].verdict == (fits ? .match : .values))
  }

  @Test func neitherRequestOfAMapMayBeNamedTwice() throws {
    var run = InMemoryRun(path: "r")
    for step in 0..<2 {
      run.add(try Tensor([1 as Float], dtype: .float32), step: step, "m", "outputs")
      run.tell(.init(request: step, positions: 0..<1), ofStep: step)
    }
    for (map, text) in [([(0, 0), (0, 1)], "0 or 1"), ([(0, 0), (1, 0)], "1 or 0")] {
      var options = ComparisonOptions()
      options.requestMap = map.map { (actual: $0.0, expected: $0.1) }
      #expect(
        throws: ComparisonError.cannotAlignRows(reason: "request \(text) is mapped twice")
      ) {
        try RunComparison.compare(actual: run, expected: run, options: options)
      }
    }
  }
}
