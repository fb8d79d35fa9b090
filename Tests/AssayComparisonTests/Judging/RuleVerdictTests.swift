import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

/// Verdicts under tolerance rules; every number can be worked out by hand.
@Suite struct RuleVerdictTests {
  private func rule(
    _ module: String, slot: String? = nil, dtype: DType? = nil, steps: Set<Int>? = nil,
    device: Device? = nil, equalNaN: Bool? = nil, rtol: Double = 0, atol: Double = 0,
    outliers: OutlierBudget = .none, bound: String? = nil
  ) throws -> ToleranceRule {
    ToleranceRule(
      module: try ModulePattern(module), slot: try slot.map { try ModulePattern($0) },
      dtype: dtype, steps: steps, device: device, equalNaN: equalNaN,
      criterion: try bound.map { .bound(try MetricBound(parsing: $0)) }
        ?? .elementwise(try ElementRule(rtol: rtol, atol: atol), outliers: outliers))
  }

  private func compare(
    _ actual: [Float], _ expected: [Float], _ rules: ToleranceRule..., equalNaN: Bool = false
  ) throws -> RunComparison {
    try compareLive(
      run("A", [("a", [("outputs", actual)])]), run("B", [("a", [("outputs", expected)])]),
      .init(tolerance: .rules(ToleranceRules(rules, equalNaN: equalNaN))))
  }

  @Test func firstRuleThatMatchesDecides() throws {
    let first = try compare([1, 2], [1, 2.5], rule("b"), rule("a", atol: 0.5), rule("a"))
    #expect(first.isMatch)
    #expect(first.tensor("a", "outputs")?.rule == 1)
    let second = try compare([1, 2], [1, 2.5], rule("a"), rule("a", atol: 0.5))
    #expect(!second.isMatch)
    #expect(second.tensor("a", "outputs")?.rule == 0)
    #expect(second.tensor("a", "outputs")?.verdict == .values)
    // Elements outside of rtol and atol need no reason.
    #expect(second.tensor("a", "outputs")?.reason == nil)
    let nan = try compare([.nan], [1], rule("a"))
    #expect(nan.tensor("a", "outputs")?.verdict == .values)
    #expect(nan.tensor("a", "outputs")?.reason == nil)
  }

  @Test func everyConditionCounts() throws {
    let calls: [Call] = [("a", [("inputs_0", [1]), ("outputs", [1])])]
    var (actual, expected) = (try run("A", calls), try run("B", calls))
    try actual.add(step: 1, calls)
    try expected.add(step: 1, calls)
    for (run, value) in [("A", 1.5), ("B", 1.0)] {
      let tensor = try Tensor([value], dtype: .float64, device: Device("cuda:0"))
      if run == "A" {
        actual.add(tensor, "a", "outputs_x", device: Device("cuda:0"))
      } else {
        expected.add(tensor, "a", "outputs_x", device: Device("cuda:0"))
      }
    }
    let rules = [
      try rule("a", slot: "^outputs", steps: [1]), try rule("a", device: Device("mps")),
      try rule("a", dtype: .float64, device: Device("cuda:0"), atol: 0.5),
      try rule("a", slot: "^inputs"), try rule("", dtype: .float32),
    ]
    let comparison = try compareLive(
      actual, expected, .init(tolerance: .rules(ToleranceRules(rules, source: "t.yml"))))
    #expect(comparison.isMatch)
    #expect(comparison.tensor("a", "outputs", step: 1)?.rule == 0)
    #expect(comparison.tensor("a", "outputs_x")?.rule == 2)
    #expect(comparison.tensor("a", "inputs_0")?.rule == 3)
    #expect(comparison.tensor("a", "inputs_0", step: 1)?.rule == 3)
    #expect(comparison.tensor("a", "outputs")?.rule == 4)
    #expect(
      comparison.notes == [
        "tolerance rule 2, for the module \"a\", decided about no tensor (t.yml)"
      ])
  }

  @Test func tensorWithoutARuleIsJudgedExactlyAndFails() throws {
    let equal = try compare([1], [1], rule("b"))
    #expect(equal.tensor("a", "outputs")?.verdict == .match)
    #expect(equal.tensor("a", "outputs")?.rule == nil)
    let key = TensorKey(
      CallKey(step: 0, module: "a", index: 0), device: .cpu, slot: Slot("outputs"))
    #expect(equal.failures == [.unmatchedByRules(count: 1, first: key)])
    #expect(!equal.isMatch)
    let other = try compare([1], [1.0000001], rule("b"))
    #expect(other.tensor("a", "outputs")?.verdict == .values)
    #expect(
      other.tensor("a", "outputs")?.reason
        == "no tolerance rule matches it, so it was judged exactly")
    #expect(
      equal.failures.first?.description
        == "no tolerance rule matches the tensor step 0 a outputs on cpu; add a rule for it, such "
        + "as a last one whose module is \".*\"")
    #expect(try !compare([1], [1]).isMatch)
  }

  /// Of four elements, as many differ by 1 as `wrong` says.
  @Test(arguments: [
    (0, OutlierBudget.none, true), (1, .none, false), (1, .count(1), true), (2, .count(1), false),
    (2, .share(0.5), true), (3, .share(0.5), false), (1, .share(0.2), false), (4, .share(1), true),
    (0, .share(0), true), (0, .count(-1), false), (1, .share(.nan), false),
  ])
  func outliersHaveABudget(wrong: Int, budget: OutlierBudget, matches: Bool) throws {
    let actual = (0..<4).map { Float($0 < wrong ? 2 : 1) }
    let comparison = try compare(actual, [1, 1, 1, 1], rule("a", atol: 0.5, outliers: budget))
    // Nothing is excused that does not need it.
    #expect(comparison.isMatch == (matches || wrong == 0))
    #expect(comparison.tensor("a", "outputs")?.difference?.mismatchedCount == wrong)
    #expect(comparison.summary.elements.mismatched == (comparison.isMatch ? 0 : wrong))
  }

  @Test func exhaustedBudgetIsNamed() throws {
    let count = try compare([2, 2], [1, 1], rule("a", outliers: .count(1)))
    #expect(
      count.tensor("a", "outputs")?.reason
        == "2 of 2 elements are outside of rtol and atol, more than the 1 that the rule allows")
    let share = try compare([2, 2], [1, 1], rule("a", outliers: .share(0.001)))
    #expect(
      share.tensor("a", "outputs")?.reason
        == "2 of 2 elements are outside of rtol and atol, more than the 0.1 % that the rule allows")
  }

  /// d = [0, 1] against [0, 2]: relative L2 error 1/2, cosine 1.
  @Test(
    arguments: [
      ("rel_l2 <= 0.5", nil), ("cosine >= 1 and max_abs <= 1", nil),
      ("rel_l2 <= 0.49", "rel_l2 0.5 is not <= 0.49"),
    ] as [(String, String?)])
  func boundDecidesInPlaceOfElements(bound: String, reason: String?) throws {
    let comparison = try compare([0, 3], [0, 2], rule("a", bound: bound))
    let tensor = try #require(comparison.tensor("a", "outputs"))
    #expect(comparison.isMatch == (reason == nil))
    #expect(tensor.verdict == (reason == nil ? .match : .values))
    #expect(tensor.reason == reason)
    #expect(tensor.difference?.maxAbs?.value == 1)
  }

  /// A NaN or an infinity that differs is no outlier, and no bound excuses it.
  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func valuesThatAreNotFiniteAndDifferFail(value: Float) throws {
    for rule in [
      try rule("a", rtol: 1e9, atol: 1e9, outliers: .share(1)), try rule("a", bound: "rmse <= 1e9"),
    ] {
      for (actual, expected) in [([1, value], [1, 1]), ([1, 1], [1, value])] {
        let comparison = try compare(actual, expected, rule, equalNaN: true)
        #expect(!comparison.isMatch)
        #expect(
          comparison.tensor("a", "outputs")?.reason == "NaN or infinite values differ at 1 position"
        )
      }
    }
  }

  /// Two NaNs match under `equal_nan` only, which the rule says, or else the rules.
  @Test(
    arguments: [
      (nil, false, false), (nil, true, true), (true, false, true), (false, true, false),
    ] as [(Bool?, Bool, Bool)])
  func twoNaNsMatchWhereItIsSaid(own: Bool?, inherited: Bool, matches: Bool) throws {
    for rule in [
      try rule("a", equalNaN: own), try rule("a", equalNaN: own, outliers: .count(2)),
      try rule("a", equalNaN: own, bound: "rmse <= 1"),
    ] {
      let comparison = try compare([1, .nan], [1, .nan], rule, equalNaN: inherited)
      #expect(comparison.isMatch == matches)
    }
  }

  @Test func thatBothAreNaNIsSaid() throws {
    for (count, text) in [(1, "1 position,"), (2, "2 positions,")] {
      let values = [Float](repeating: .nan, count: count)
      let comparison = try compare(values, values, rule("a", bound: "rmse <= 1"))
      #expect(
        comparison.tensor("a", "outputs")?.reason
          == "both are NaN at \(text) which match only under equal_nan")
    }
  }

  /// A rule's own bounds may say that NaN matches NaN, unless the rule says that it does not.
  @Test func boundsMadeInCodeMayTakeNaNAsEqual() throws {
    var own = try rule("a")
    own.criterion = .elementwise(
      try ElementRule(rtol: 0, atol: 0, equalNaN: true), outliers: .none)
    #expect(try compare([1, .nan], [1, .nan], own).isMatch)
    own.equalNaN = false
    #expect(try !compare([1, .nan], [1, .nan], own).isMatch)
  }

  /// Unasked, no NaN matches a NaN.
  @Test func withoutRulesNoNaNMatches() throws {
    let nan: [Call] = [("a", [("outputs", [1, .nan])])]
    for tolerance in [.vllm, .torch, .exact, try Tolerance(rtol: 1, atol: 1)] {
      #expect(!tolerance.equalNaN)
      #expect(try !compareLive(run("A", nan), run("B", nan), .init(tolerance: tolerance)).isMatch)
    }
    let asked = try Tolerance(rtol: 0, atol: 0, equalNaN: true)
    #expect(try compareLive(run("A", nan), run("B", nan), .init(tolerance: asked)).isMatch)
  }

  @Test func undefinedFigureFailsUnlessThereIsNothingToJudge() throws {
    let infinite = try compare([.infinity], [.infinity], rule("a", bound: "max_abs <= 1"))
    #expect(
      infinite.tensor("a", "outputs")?.reason == "max_abs is undefined, so not <= 1")
    let calls: [Call] = [("a", [("outputs", [])]), ("b", [("outputs", [1])])]
    let empty = try compareLive(
      run("A", calls), run("B", calls),
      .init(tolerance: .rules(ToleranceRules([rule(".", bound: "max_abs <= 1")]))))
    #expect(empty.tensor("a", "outputs")?.verdict == .match)
    #expect(empty.isMatch)

    var (actual, expected) = (InMemoryRun(path: "A"), InMemoryRun(path: "B"))
    actual.add(try Tensor([true], dtype: .bool), "a", "outputs")
    expected.add(try Tensor([true], dtype: .bool), "a", "outputs")
    let bool = try compareLive(
      actual, expected,
      .init(tolerance: .rules(ToleranceRules([rule("a", dtype: .bool, bound: "max_ulp <= 1")]))))
    #expect(bool.tensor("a", "outputs")?.reason == "max_ulp is undefined, so not <= 1")
  }

  @Test func anotherShapeOrDTypeFailsUnderAnyRule() throws {
    var actual = InMemoryRun(path: "A")
    actual.add(try Tensor([1.0], dtype: .float64), "a", "outputs_0")
    actual.add(try rows([1, 2]), "a", "outputs_1")
    var expected = InMemoryRun(path: "B")
    expected.add(try Tensor([1] as [Float], dtype: .float32), "a", "outputs_0")
    expected.add(try rows([1], [2]), "a", "outputs_1")
    let comparison = try compareLive(
      actual, expected, .init(tolerance: .rules(ToleranceRules([rule("a", bound: "rmse <= 9")]))))
    #expect(comparison.module("a")?.tensors.map(\.verdict) == [.dtype, .shape])
    #expect(comparison.module("a")?.tensors.map(\.rule) == [0, 0])
    #expect(comparison.failures.isEmpty)
  }

  @Test func missingTensorsNeedNoRule() throws {
    let comparison = try compareLive(
      run("A", [("a", [("outputs", [1])])]),
      run("B", [("a", [("outputs", [1])]), ("b", [("outputs", [1])])]),
      .init(tolerance: .rules(ToleranceRules([rule("a")]))))
    #expect(comparison.failures.isEmpty)
    #expect(comparison.tensor("b", "outputs")?.verdict == .missingInActual)
    #expect(!comparison.isMatch)
  }

  /// The figures of a result are made under the bounds of the rule that decided.
  @Test func reportsFindTheBoundsOfARule() throws {
    let rules = ToleranceRules([
      try rule("a", rtol: 0.25, atol: 0.5), try rule("b", bound: "rmse <= 1"),
    ])
    let tolerance = Tolerance.rules(rules)
    let calls: [Call] = [("a", [("outputs", [1])]), ("b", [("outputs", [1])])]
    let comparison = try compareLive(
      run("A", calls), run("B", calls), .init(tolerance: tolerance))
    let a = try #require(comparison.tensor("a", "outputs"))
    let b = try #require(comparison.tensor("b", "outputs"))
    #expect(tolerance.rule(for: a) == (try ElementRule(rtol: 0.25, atol: 0.5)))
    #expect(tolerance.rule(for: b) == .exact)
    #expect(Tolerance.torch.rule(for: a) == Tolerance.torch.rule(for: .float32))
  }
}
