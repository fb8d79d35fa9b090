import AssayComparison
import Testing

@Suite struct MappingFileTests {
  @Test func everyKeyIsRead() throws {
    let mapping = try Mapping(
      yaml: #"""
        version: 1
        rules:
          - actual: 'layers\.(\d+)\.(?P<kind>wq|wo)'
            expected: 'model.layers.\1.\g<2>0\\'
            slot: outputs
            expected_slot: outputs_0
            actual_transform: [{squeeze: 0}, {transpose: [0, -1]}, {reshape: [2, -1]}]
            expected_transform: [{slice: {axis: -1, start: 2, end: 4}}, {cast: torch.bfloat16}]
          - actual: [a.\1.q, 'a.\1.k']
            expected: 'b\.(\d+)'
            concatenate: -1
          - drop: both
            module: rotary_emb
            slot: inputs_0
        """#, source: "mapping.yml")
    #expect(mapping.name == "3 rules of mapping.yml")
  }

  /// Each rule or text, the rule and line that are named, and a part of what is said.
  @Test(
    arguments: [
      ("", nil, nil, "it is empty; expected a list named rules"),
      ("version: 2\nrules: [1]", nil, 1, "version: expected 1, found \"2\""),
      ("version: 1", nil, nil, "rules is missing"),
      ("rules: []", nil, 1, "rules must be a list of at least one rule"),
      ("rule: []", nil, 1, "unknown key \"rule\"; the keys are version, defaults, rules"),
      ("rules:\n- actual: a\n  expect: b", 1, 3, "unknown key \"expect\""),
      ("rules:\n- actual: a", 1, 2, "expected is missing"),
      ("rules:\n- {actual: a, expected: b}\n- {expected: b}", 2, 3, "actual is missing"),
      ("rules:\n- actual: a\n  expected: 3", 1, 3, "expected: expected text"),
      ("rules:\n- actual: '(a'\n  expected: b", 1, 2, "actual: invalid regular expression"),
      (#"rules: [{actual: a, expected: 'b\1'}]"#, 1, 1, "there is no group 1; the other side's"),
      (#"rules: [{actual: (a), expected: 'b\2'}]"#, 1, 1, "there is no group 2"),
      (#"rules: [{actual: (a), expected: 'b\0'}]"#, 1, 1, "there is no group 0"),
      (#"rules: [{actual: (a), expected: 'b\.c'}]"#, 1, 1, "refers to no group: this is a name"),
      (#"rules: [{actual: (a), expected: 'b\'}]"#, 1, 1, "refers to no group"),
      (#"rules: [{actual: (a), expected: 'b\g<name>'}]"#, 1, 1, "refers to no group"),
      (#"rules: [{actual: ['\1'], expected: a}]"#, 1, 1, "actual: \"\\1\": there is no group 1"),
      ("rules: [{actual: [a], expected: [b]}]", 1, 1, "only one of actual and expected"),
      ("rules: [{actual: a, expected: []}]", 1, 1, "a list of 1 to 64 of them"),
      ("rules: [{actual: a, expected: [b, [c]]}]", 1, 1, "expected: expected text, found a list"),
      ("rules: [{actual: a, expected: [b, c]}]", 1, 1, "concatenate is missing"),
      ("rules: [{actual: a, expected: [b, b], concatenate: 0}]", 1, 1, "in the list twice"),
      ("rules: [{actual: a, expected: [b], concatenate: 0}]", 1, 1, "at least two modules"),
      ("rules: [{actual: a, expected: b, concatenate: 0}]", 1, 1, "at least two modules"),
      ("rules: [{actual: a, expected: [b, c], concatenate: x}]", 1, 1, "a whole number"),
      ("rules: [{actual: a, expected: [b, c], concatenate: 0.5}]", 1, 1, "a whole number"),
      (
        "rules: [{actual: a, expected: [b, c], concatenate: 0, "
          + "actual_transform: [{slice: {axis: 0, start: 1}}]}]", 1, 1, "slice cannot stand beside"
      ),
      ("rules: [{actual: a, expected: b, expected_slot: c}]", 1, 1, "expected_slot needs slot"),
      ("rules: [{actual: a, expected: b, slot: [[c]]}]", 1, 1, "slot: expected text, found a list"),
      ("rules: [{actual: a, expected: b, slot: []}]", 1, 1, "a slot's name, or a list of 1 to 64"),
      (
        "rules: [{actual: a, expected: b, slot: [c, d], expected_slot: e}]", 1, 1,
        "slots: {outputs_0"
      ),
      ("rules: [{actual: a, expected: b, slot: '(c'}]", 1, 1, "slot: invalid regular expression"),
      (
        #"rules: [{actual: a, expected: b, slot: 'c\d', expected_slot: 'c\1'}]"#, 1, 1, "no group 1"
      ),
      ("rules: [{actual: a, expected: b, slot: c, slots: {d: e}}]", 1, 1, "neither slot nor"),
      ("rules: [{actual: a, expected: b, slots: {}}]", 1, 1, "slots: expected 1 to 64 slots"),
      ("rules: [{actual: a, expected: b, slots: {d: [e]}}]", 1, 1, "slots: expected text"),
      (#"rules: [{actual: (a), expected: 'b{\1 + x}'}]"#, 1, 1, #"as in {\1 + 1}"#),
      (#"rules: [{actual: (a), expected: 'b{\1}'}]"#, 1, 1, #"as in {\1 + 1}"#),
      (
        #"rules: [{actual: 'a:(\d+)', expected: b}]"#, 1, 1,
        "must stand in both actual and expected"
      ),
      ("rules: [{actual: a, expected: 'b:0'}]", 1, 1, "must stand in both actual and expected"),
      ("rules: [{actual: a, expected: b, sum: actual}]", 1, 1, "sum needs slot"),
      (
        "rules: [{actual: a, expected: b, sum: both, slot: c}]", 1, 1,
        "sum must be actual or expected"
      ),
      ("rules: [{actual: a, expected: b, sum: actual, slot: c}]", 1, 1, "at least two different"),
      (
        "rules: [{actual: a, expected: b, sum: actual, slot: [c, c], expected_slot: d}]", 1, 1,
        "two diff"
      ),
      ("rules: [{actual: a, expected: b, sum: actual, slot: [c, d]}]", 1, 1, "2 are named"),
      (
        "rules: [{actual: a, expected: [b, c], sum: actual, slot: [c, d], expected_slot: e}]", 1, 1,
        "so expected must be one module"
      ),
      ("rules: [{actual: a, expected: [b, b], sum: expected, slot: c}]", 1, 1, "in the list twice"),
      (
        "rules: [{actual: a, expected: [b, c], sum: expected, slot: c, concatenate: 0}]", 1, 1,
        "beside sum"
      ),
      (
        "rules: [{actual: a, expected: b, shared: all}]", 1, 1,
        "shared must be actual, expected or both"
      ),
      ("rules: [{actual: a, expected: b, optional: 1}]", 1, 1, "optional: expected true or false"),
      ("rules: [{actual: a, expected: b, steps: 3-2}]", 1, 1, "a range such as 2-3 or 8-"),
      ("rules: [{actual: a, expected: b, steps: []}]", 1, 1, "a list of at least one step"),
      ("defaults: {cast: 1}\nrules: [{actual: a, expected: b}]", nil, 1, "unknown key \"cast\""),
      (
        "defaults: {actual_transform: [{cast: float32}]}\nrules: [{actual: a, expected: b}]", nil,
        1,
        "can only squeeze"
      ),
      ("rules: [{actual: a, expected: b, module: c}]", 1, 1, "module belongs to a rule with drop"),
      ("rules: [{drop: both, module: a, actual: c}]", 1, 1, "actual cannot stand beside drop"),
      ("rules: [{drop: all, module: a}]", 1, 1, "drop must be actual, expected or both"),
      ("rules: [{drop: both}]", 1, 1, "module is missing"),
      ("rules: [{drop: both, module: '(?<a'}]", 1, 1, "module: invalid regular expression"),
      ("rules: [a]", 1, 1, "expected keys and values: actual, expected, slot"),
    ] as [(String, Int?, Int?, String)])
  func mistakesAreNamed(yaml: String, rule: Int?, line: Int?, reason: String) throws {
    let error = #expect(throws: ComparisonError.self) {
      try Mapping(yaml: yaml, source: "mapping.yml")
    }
    guard case .invalidRules("mapping.yml", let foundRule, let foundLine, let text)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(foundRule == rule)
    #expect(foundLine == line)
    #expect(text.contains(reason), "\(text)")
  }

  @Test(
    arguments: [
      ("{squeeze: 0}", "expected a list of at most 16 transforms"),
      ("[squeeze]", "expected keys and values: squeeze, transpose, reshape, slice, cast"),
      ("[{}]", "each entry of the list is one transform"),
      ("[{squeeze: 0, cast: float32}]", "each entry of the list is one transform"),
      ("[{flatten: 0}]", "unknown key \"flatten\""),
      ("[{squeeze: [0]}]", "squeeze: expected a whole number, found a list"),
      ("[{squeeze: 99999999999999999999}]", "squeeze: expected a whole number"),
      ("[{squeeze: 9223372036854775807}]", "squeeze: expected a whole number"),
      ("[{transpose: [0]}]", "transpose: expected two axes"),
      ("[{transpose: [0, 1, 2]}]", "transpose: expected two axes"),
      ("[{reshape: [-1, -1]}]", "of which one may be -1"),
      ("[{reshape: [-2]}]", "extents from 0"),
      ("[{reshape: 3}]", "a list of at most 64 whole numbers"),
      ("[{slice: {start: 0}}]", "slice needs axis"),
      ("[{slice: {axis: 0}}]", "slice needs start or end"),
      ("[{slice: {axis: 0, start: 2, end: 2}}]", "with start below end"),
      ("[{slice: {axis: 0, start: -2, end: -3}}]", "with start below end"),
      ("[{part: {axis: 0, index: 2, of: 2}}]", "part needs axis, index and of"),
      ("[{part: {axis: 0, index: 0}}]", "part needs axis, index and of"),
      ("[{part: {axis: 0, index: 0, of: 0}}]", "part needs axis, index and of"),
      ("[{slice: {axis: 0, stop: 2}}]", "unknown key \"stop\"; the keys are axis, start, end"),
      ("[{slice: 3}]", "expected keys and values: axis, start, end"),
      ("[{cast: half}]", "cast \"half\" is none of float64"),
      ("[{cast: int8}]", "cast: expected one of float64, float32, float16, bfloat16, int64, int32"),
      ("[{cast: 32}]", "cast: expected text"),
    ])
  func wrongTransformsAreNamed(yaml: String, reason: String) throws {
    let error = #expect(throws: ComparisonError.self) {
      try Mapping(
        yaml: "rules:\n- actual: a\n  expected: b\n  expected_transform: \(yaml)\n")
    }
    #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
    #expect(error?.description.contains("rule 1 (line") == true)
  }

  @Test func filesHaveALimit() throws {
    let error = #expect(throws: ComparisonError.self) {
      try Mapping(yaml: String(repeating: "#", count: 1 << 20 + 1))
    }
    #expect(error?.description.contains("too many for mapping rules") == true)
    #expect(throws: ComparisonError.self) { try Mapping(contentsOfFile: "/nonexistent.yml") }
  }
}
