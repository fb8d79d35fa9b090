import AssayTensors
import Foundation
import Testing

@testable import AssayComparison

@Suite struct RulesFileTests {
  private let text = """
    # The head is wide, so its sums are long.
    equal_nan: true
    rules:
      - module: 'lm_head$'
        slot: ^outputs
        dtype: torch.bfloat16
        step: [0, 2]
        device: cuda:0
        rtol: 1.6e-2
        atol: 1e-5
        outliers: 0.1%
        equal_nan: false
      - module: layers\\.\\d+\\.mlp
        step: 3
        rtol: 0
        atol: .5
        outliers: 3
      - module: .*
        bound: "rel_l2 <= 1e-3 and cosine >= 0.9999"
    """

  @Test func everyKeyIsRead() throws {
    let rules = try ToleranceRules(yaml: text, source: "tolerances.yml")
    let expected = [
      ToleranceRule(
        module: try ModulePattern("lm_head$"), slot: try ModulePattern("^outputs"),
        dtype: .bfloat16, steps: [0, 2], device: Device("cuda:0"), equalNaN: false,
        criterion: .elementwise(
          try ElementRule(rtol: 0.016, atol: 0.00001), outliers: .share(0.001))),
      ToleranceRule(
        module: try ModulePattern(#"layers\.\d+\.mlp"#), steps: [3],
        criterion: .elementwise(try ElementRule(rtol: 0, atol: 0.5), outliers: .count(3))),
      ToleranceRule(
        module: try ModulePattern(".*"),
        criterion: .bound(.all([.atMost(.relativeL2, 0.001), .atLeast(.cosine, 0.9999)]))),
    ]
    #expect(rules == ToleranceRules(expected, equalNaN: true, source: "tolerances.yml"))
    #expect(Tolerance.rules(rules).name == "3 rules of tolerances.yml")
    #expect(Tolerance.rules(rules).equalNaN)
  }

  @Test func namesOfTheOtherTolerances() throws {
    #expect(Tolerance.vllm.name == "rtol 1e-5, atol 1e-8")
    #expect(Tolerance.torch.name == "torch")
    #expect(Tolerance.exact.name == "rtol 0, atol 0")
    #expect(Tolerance.rules(ToleranceRules([])).name == "0 rules")
    let one = ToleranceRule(module: try ModulePattern("a"), criterion: .bound(.any([])))
    #expect(Tolerance.rules(ToleranceRules([one])).name == "1 rule")
  }

  /// Each text, the rule and line that are named, and a part of what is said.
  @Test(
    arguments: [
      ("", nil, nil, "it is empty; expected a list named rules"),
      ("a: [", nil, 2, "it is not YAML"),
      ("rules: []", nil, 1, "rules must be a list of at least one rule"),
      ("rules: {}", nil, 1, "rules must be a list"),
      ("equal_nan: true", nil, nil, "rules is missing"),
      ("- module: a", nil, 1, "expected keys and values: version, equal_nan, rules"),
      (
        "rules:\n  - a\n", 1, 2, "expected keys and values: module, slot, dtype, step, device, rtol"
      ),
      ("version: 2\nrules: [1]", nil, 1, "version: expected 1, found \"2\""),
      ("version: '1'\nrules: [1]", nil, 1, "version: expected 1, found \"1\""),
      ("rule: []", nil, 1, "unknown key \"rule\"; the keys are version, equal_nan, rules"),
      ("rules: [1]\nrules: [2]", nil, 1, "the key \"rules\" stands there twice"),
      ("equal_nan: yes\nrules: [1]", nil, 1, "equal_nan: expected true or false, found \"yes\""),
      ("--- 1\n--- 2\n", nil, 2, "it is not YAML: but found another document"),
      ("rules:\n\n  - \u{1}", nil, 3, "it is not YAML: control characters are not allowed"),
    ] as [(String, Int?, Int?, String)])
  func refusesBadFiles(text: String, rule: Int?, line: Int?, reason: String) {
    expectFailure(text, rule: rule, line: line, reason)
  }

  /// Each second rule of a file, from its third line on, with what is said about it.
  @Test(
    arguments: [
      ("rtol: 1\n    atol: 1", 3, "module is missing"),
      ("module: a", 3, "a rule needs both rtol and atol, or bound"),
      ("module: a\n    rtol: 1e-3", 3, "a rule needs both rtol and atol"),
      ("module: a\n    atol: 1e-3\n    bound: rmse <= 1", 4, "atol cannot stand beside bound"),
      ("module: a\n    outliers: 3\n    bound: rmse <= 1", 4, "outliers cannot stand beside bound"),
      ("module: a\n    rtol: -1e-3\n    atol: 0", 4, "rtol is -0.001, but a tolerance must be"),
      ("module: a\n    rtol: 0\n    atol: .nan", 5, "atol: expected a finite number"),
      ("module: a\n    rtol: .inf\n    atol: 0", 4, "rtol: expected a finite number"),
      ("module: a\n    rtol: nan\n    atol: 0", 4, "rtol: expected a finite number"),
      ("module: a\n    rtol: 1e999\n    atol: 0", 4, "rtol: expected a finite number"),
      ("module: a\n    rtol: '1'\n    atol: 0", 4, "rtol: expected a finite number"),
      ("module: a\n    rtol: [1]\n    atol: 0", 4, "found a list"),
      (
        "module: a\n    rtoll: 1\n    atol: 0", 4,
        "unknown key \"rtoll\"; the keys are module, slot"
      ),
      ("module: a\n    rtol: 1\n    rtol: 2", 4, "the key \"rtol\" stands there twice"),
      ("module: a\n    !!str rtol: 1\n    rtol: 2", 4, "the key \"rtol\" stands there twice"),
      ("module: a\n    !mine rtol: 1\n    rtol: 2", 5, "the key \"rtol\" stands there twice"),
      ("module:\n    bound: rmse <= 1", 3, "module: expected text, found nothing"),
      ("module: ''\n    bound: rmse <= 1", 3, "module: the pattern is empty; write .* to match"),
      ("module: 5\n    bound: rmse <= 1", 3, "module: expected text (in quotes"),
      ("module: true\n    bound: rmse <= 1", 3, "module: expected text (in quotes"),
      ("module: ~\n    bound: rmse <= 1", 3, "module: expected text (in quotes"),
      ("module: a(\n    bound: rmse <= 1", 3, "module: invalid regular expression \"a(\""),
      ("module: a\n    slot: '*'\n    bound: rmse <= 1", 4, "slot: invalid regular expression"),
      (
        "module: a\n    dtype: float17\n    bound: rmse <= 1", 4,
        "dtype \"float17\" is none of float64"
      ),
      ("module: a\n    step: []\n    bound: rmse <= 1", 4, "step: expected a list of at least one"),
      ("module: a\n    step: -1\n    bound: rmse <= 1", 4, "step: expected a step's number"),
      ("module: a\n    step: [0, x]\n    bound: rmse <= 1", 4, "found \"x\""),
      ("module: a\n    step: 1.5\n    bound: rmse <= 1", 4, "step: expected a step's number"),
      ("module: a\n    step: +1\n    bound: rmse <= 1", 4, "step: expected a step's number"),
      (
        "module: a\n    device: [cpu]\n    bound: rmse <= 1", 4,
        "device: expected text, found a list"
      ),
      ("module: a\n    equal_nan: 1\n    bound: rmse <= 1", 4, "equal_nan: expected true or false"),
      ("module: a\n    bound: rmse < 1", 4, "the bound \"rmse < 1\" cannot be read"),
      ("module: a\n    bound: [rmse]", 4, "bound: expected text, found a list"),
      ("module: a\n    rtol: 0\n    atol: 0\n    outliers: 1.5", 6, "such as 3, or a share"),
      ("module: a\n    rtol: 0\n    atol: 0\n    outliers: 1.0", 6, "found \"1.0\""),
      ("module: a\n    rtol: 0\n    atol: 0\n    outliers: 101%", 6, "found \"101%\""),
      ("module: a\n    rtol: 0\n    atol: 0\n    outliers: -1", 6, "found \"-1\""),
      ("module: a\n    <<: {bound: x}", 4, "unknown key \"<<\""),
      ("module: a\n    ? [x]\n    : 1", 4, "unknown key a list"),
    ] as [(String, Int?, String)])
  func refusesBadRules(rule: String, line: Int?, reason: String) {
    // Keys that stand twice are found before it is known to which rule they belong.
    let isKnown = !(reason.contains("twice") && line == 4)
    expectFailure(
      "rules:\n  - {module: a, bound: rmse <= 1}\n  - \(rule)\n", rule: isKnown ? 2 : nil,
      line: line, reason)
  }

  /// A share is the same in percent and as a number; whole numbers are counts.
  @Test(arguments: [
    ("1e-4", OutlierBudget.share(1e-4)), ("0.01%", .share(1e-4)), ("0.5", .share(0.5)),
    ("50%", .share(0.5)), ("100%", .share(1)), ("3", .count(3)), ("1", .count(1)), ("0", .none),
    ("0.0", .none), ("0%", .none),
  ])
  func outliersAreAShareOrACount(text: String, budget: OutlierBudget) throws {
    let rules = try ToleranceRules(
      yaml: "version: 1\nrules: [{module: a, rtol: 0, atol: 1, outliers: \(text)}]")
    #expect(
      rules.rules.map(\.criterion)
        == [.elementwise(try ElementRule(rtol: 0, atol: 1), outliers: budget)])
  }

  private func expectFailure(_ text: String, rule: Int?, line: Int?, _ reason: String) {
    let error = #expect(throws: ComparisonError.self) {
      try ToleranceRules(yaml: text, source: "t.yml")
    }
    guard case .invalidRules(let source, let badRule, let badLine, let text)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(source == "t.yml")
    #expect(badRule == rule)
    #expect(badLine == line)
    #expect(text.contains(reason), "\(text)")
  }

  @Test func errorsNameFileRuleAndLine() {
    let error = ComparisonError.invalidRules(
      source: "Golden/x/tolerances.yml", rule: 3, line: 12, reason: "module is missing")
    #expect(error.description == "Golden/x/tolerances.yml, rule 3 (line 12): module is missing")
  }

  @Test func someAliasesAreFineAndBombsAreNot() throws {
    let rules = try ToleranceRules(
      yaml: "rules:\n  - &a {module: x, bound: &b rmse <= 1}\n  - {module: y, bound: *b}\n  - *a\n")
    #expect(rules.rules.count == 3)
    #expect(rules.rules[0] == rules.rules[2])

    var bomb = "a0: &a0 [x]\n"
    for level in 1...30 {
      let last = "*a\(level - 1)"
      bomb += "a\(level): &a\(level) [\(last), \(last), \(last)]\n"
    }
    expectFailure(bomb + "? *a30\n: 1\n", rule: nil, line: nil, "more than 16 aliases")
    let nested = String(repeating: "[", count: 5000)
    expectFailure("rules: \(nested)", rule: nil, line: 1, "it is not YAML")
    let long = "rules: " + String(repeating: " ", count: 1 << 20)
    expectFailure(long, rule: nil, line: nil, "are too many for tolerance rules")
  }

  private func aliases(_ count: Int, _ name: String = "a", separator: String = ",") -> String {
    [String](repeating: "*\(name)", count: count).joined(separator: separator)
  }

  /// An alias counts wherever YAML takes one, and by its whole name.
  @Test func seventeenAliasesAreTooMany() {
    for separator in [",", ", "] {
      let list = aliases(17, separator: separator)
      for text in [
        "&a x: 1\nrules: [\(list)]", "# Names:\n&a x: 1\nrules: [\(list)]",
        "- &a x\n- [\(list)]", "[&a x,\(list)]", "{&a x: y, z: [\(list)]}",
      ] {
        expectFailure(text, rule: nil, line: nil, "more than 16 aliases")
      }
    }
    for name in ["a1", "a_b", "a-b", "1", "_"] {
      expectFailure(
        "&\(name) x: 1\nrules: [\(aliases(17, name))]", rule: nil, line: nil,
        "more than 16 aliases")
    }
  }

  /// What looks like more aliases is text.
  @Test func sixteenAliasesAreFine() {
    let remarks = "# " + aliases(17, separator: " ") + "\n"
    let bullets = String(repeating: "# * item\n", count: 17)
    for text in [
      "- &a x\n- [\(aliases(16))]\n",
      // Other names than that of the anchor, or none.
      "- &a1 x\n" + remarks, "- &a_b x\n" + remarks, "- &a-b x\n" + remarks,
      "- &a x\n" + bullets, "- &1 x\n" + bullets, "- &_ x\n" + bullets,
      // Within words.
      "- &a x\n# " + String(repeating: "x*a ", count: 17) + "\n",
      "- &a x\n# " + String(repeating: "xa ", count: 17) + "\n",
    ] {
      expectFailure(text, rule: nil, line: 1, "expected keys and values: version")
    }
  }

  /// The largest text and the longest list, and one more of either.
  @Test func limitsAreWhatMayJustBeRead() throws {
    func parse(_ text: String) throws -> Int {
      try RulesDocument.parse(text, "t", "rules", keys: []).rules.count
    }
    func list(_ count: Int) -> String {
      "rules: [" + [String](repeating: "1", count: count).joined(separator: ",") + "]"
    }
    #expect(try parse(list(4096)) == 4096)
    #expect(
      throws: ComparisonError.invalidRules(
        source: "t", rule: nil, line: 1, reason: "there are more than 4096 rules")
    ) { try parse(list(4097)) }
    let padded = "rules: [1]" + String(repeating: " ", count: (1 << 20) - 10)
    #expect(padded.utf8.count == 1 << 20)
    #expect(try parse(padded) == 1)
  }

  @Test func filesAreReadWholeOrNotAtAll() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "tolerances.yml")
    #expect(throws: ComparisonError.self) { try ToleranceRules(contentsOfFile: file.path) }
    #expect(throws: ComparisonError.self) { try ToleranceRules(contentsOfFile: folder.path) }
    try Data([0x72, 0xFF]).write(to: file)
    #expect(throws: ComparisonError.self) { try ToleranceRules(contentsOfFile: file.path) }
    try Data(text.utf8).write(to: file)
    let rules = try ToleranceRules(contentsOfFile: file.path)
    #expect(rules.source == file.path)
    #expect(rules.rules == (try ToleranceRules(yaml: text).rules))
  }
}
