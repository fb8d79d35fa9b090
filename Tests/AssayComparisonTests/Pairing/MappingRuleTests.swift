import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

/// What rules say beyond names: sums, shared tensors, slots, calls, steps and devices.
@Suite struct MappingRuleTests {
  private func compare(
    _ actual: InMemoryRun, _ expected: InMemoryRun, _ rules: String, defaults: String = "{}",
    _ options: ComparisonOptions = .init(tolerance: .exact)
  ) throws -> RunComparison {
    var options = options
    options.mapping = try Mapping(yaml: "defaults: \(defaults)\nrules: [\(rules)]")
    return try RunComparison.compare(actual: actual, expected: expected, options: options)
  }

  // MARK: - Sums

  @Test func slotsOfOneCallAreAdded() throws {
    let actual = try run("a", [("l", [("outputs_0", [1, 2]), ("outputs_1", [10, 20])])])
    let expected = try run("e", [("l", [("outputs", [11, 22])])])
    let rule =
      "{actual: l, expected: l, slot: [outputs_0, outputs_1], expected_slot: outputs, sum: actual}"
    let comparison = try compare(actual, expected, rule)
    #expect(comparison.isMatch)
    #expect(comparison.summary.tensors.total == 1)
    #expect(
      comparison.tensor("l", "outputs")?.pairing?.actual.operations
        == ["plus outputs_1, added in the precision of the comparison"])
    // Turned around.
    let turned = try compare(
      expected, actual,
      "{actual: l, expected: l, slot: outputs, expected_slot: [outputs_0, outputs_1], sum: expected}"
    )
    #expect(turned.isMatch)
    // An error in either term is found.
    for values in [[1, 2.5], [1.5, 2]] as [[Float]] {
      let wrong = try run("a", [("l", [("outputs_0", values), ("outputs_1", [10, 20])])])
      #expect(try compare(wrong, expected, rule).tensor("l", "outputs")?.verdict == .values)
    }
  }

  @Test func modulesAreAdded() throws {
    let actual = try run(
      "a", [("p.0.x", [("outputs", [1])]), ("p.0.y", [("outputs", [2])])])
    let expected = try run("e", [("q.0", [("outputs", [3])])])
    let comparison = try compare(
      actual, expected,
      #"{expected: 'q\.(\d)', actual: ['p.\1.x', 'p.\1.y'], slot: outputs, sum: actual}"#)
    #expect(comparison.isMatch)
    #expect(comparison.summary.tensors.total == 1)
  }

  /// The bits of `a + b` in PyTorch: 1 + 0.00390625 is 1 in bfloat16, 1 + 0.01171875 is 1.015625.
  @Test func aSumIsRoundedOnce() throws {
    func bits(_ values: [UInt16]) throws -> Tensor { try Tensor(values, dtype: .bfloat16) }
    var (actual, expected) = (InMemoryRun(path: "a"), InMemoryRun(path: "e"))
    actual.add(try bits([0x3F80, 0x3F80]), "l", "outputs_0")
    actual.add(try bits([0x3B80, 0x3C40]), "l", "outputs_1")
    expected.add(try bits([0x3F80, 0x3F82]), "l", "outputs")
    #expect(
      try compare(
        actual, expected,
        "{actual: l, expected: l, slot: [outputs_0, outputs_1], expected_slot: outputs, sum: actual}"
      ).isMatch)
  }

  @Test func aTermThatIsMissingOrOfAnotherFormFails() throws {
    let expected = try run("e", [("l", [("outputs", [11])])])
    let rule =
      "{actual: l, expected: l, slot: [outputs_0, outputs_1], expected_slot: outputs, sum: actual}"
    let one = try run("a", [("l", [("outputs_0", [11])])])
    let missing = try compare(one, expected, rule)
    #expect(missing.summary.tensors.compared == 0)
    #expect(missing.summary.tensors.missingInActual == 1)
    let other = try run("a", [("l", [("outputs_0", [11]), ("outputs_1", [0, 0])])])
    let unlike = try compare(other, expected, rule)
    #expect(unlike.summary.tensors.unreadable == 1)
    let reason = try #require(unlike.tensor("l", "outputs")?.reason)
    #expect(reason.contains("torch.float32 [1, 1] and torch.float32 [1, 2] are not added"))
    #expect(reason.contains("step 0 l outputs_0 on cpu, paired with step 0 l outputs on cpu"))
    // A term is taken: nothing else pairs with it.
    let both = try run("a", [("l", [("outputs_0", [1]), ("outputs_1", [10])])])
    let again = try compare(
      both, try run("e", [("l", [("outputs", [11])]), ("m", [("outputs_1", [10])])]),
      rule + ", {actual: l, expected: m}")
    #expect(again.tensor("m", "outputs_1")?.verdict == .missingInActual)
  }

  // MARK: - Shared tensors

  @Test func oneTensorServesSeveralCounterparts() throws {
    let one = try run("o", [("act", [("outputs", [1, 2])])])
    let two = try run("t", [("act", [("outputs", [1, 2])]), ("down", [("inputs_0", [1, 3])])])
    let comparison = try compare(
      one, two,
      "{actual: act, expected: down, slot: outputs, expected_slot: inputs_0, shared: actual}")
    #expect(comparison.summary.tensors.compared == 2)
    #expect(comparison.tensor("act", "outputs")?.verdict == .match)
    #expect(comparison.tensor("down", "inputs_0")?.verdict == .values)
    // Where the expected one is shared, the second pair has a number.
    let turned = try compare(
      two, one,
      "{actual: down, expected: act, slot: inputs_0, expected_slot: outputs, shared: expected}")
    #expect(turned.summary.tensors.compared == 2)
    #expect(turned.tensor("act", "outputs")?.verdict == .match)
    #expect(turned.tensor("act", "outputs#2")?.verdict == .values)
    #expect(turned.tensor("act", "outputs#2")?.pairing?.actual.module == "down")
    let without = try compare(
      two, one, "{actual: down, expected: act, slot: inputs_0, expected_slot: outputs}")
    #expect(without.summary.tensors.compared == 1)
    #expect(
      without.failures.first?.description.contains(
        "already paired with step 0 act outputs on cpu by their equal names; no tensor pairs twice, "
          + "unless the later rule says shared: expected") == true, "\(without.failures)")
  }

  /// Both pairs would be called `y outputs`.
  @Test func pairsOfOneNameStayApart() throws {
    let actual = try run("a", [("x", [("outputs", [1, 2])]), ("y", [("outputs", [2])])])
    let expected = try run("e", [("y", [("outputs", [2])]), ("x", [("outputs", [1])])])
    let comparison = try compare(
      actual, expected,
      """
      {actual: x, expected: x, actual_transform: [{part: {axis: -1, index: 0, of: 2}}]},
      {actual: x, expected: y, actual_transform: [{part: {axis: -1, index: 1, of: 2}}], shared: expected}
      """)
    #expect(comparison.isMatch, "\(comparison.failures)")
    #expect(comparison.summary.tensors.compared == 3)
    #expect(comparison.tensor("y", "outputs#2")?.pairing?.actual.module == "x")
    #expect(comparison.notes.isEmpty)
  }

  @Test func bothSidesMayBeSliced() throws {
    let actual = try run("a", [("x", [("outputs", [1, 2, 3, 4])])])
    let expected = try run("e", [("y", [("outputs", [3, 4, 1, 2])])])
    func half(_ side: String, _ index: Int) -> String {
      "\(side)_transform: [{part: {axis: -1, index: \(index), of: 2}}]"
    }
    let comparison = try compare(
      actual, expected,
      "{actual: x, expected: y, \(half("actual", 0)), \(half("expected", 1))}, "
        + "{actual: x, expected: y, \(half("actual", 1)), \(half("expected", 0))}")
    #expect(comparison.isMatch)
    #expect(comparison.summary.tensors.compared == 2)
    #expect(comparison.notes.isEmpty)
  }

  // MARK: - Names

  @Test func slotsAreRenamedByPatternsAndLists() throws {
    let actual = try run(
      "a", [("x", [("inputs_0", [1]), ("inputs_1", [2]), ("outputs_0", [3])])])
    let expected = try run(
      "e", [("x", [("inputs_a_0", [1]), ("inputs_a_1", [2]), ("outputs", [3])])])
    for rule in [
      #"{actual: x, expected: x, slots: {'inputs_(\d)': 'inputs_a_\1', outputs_0: outputs}}"#,
      #"""
      {actual: x, expected: x, slot: 'inputs_(\d)', expected_slot: 'inputs_a_\1'},
      {actual: x, expected: x, slot: outputs_0, expected_slot: outputs}
      """#,
    ] {
      let comparison = try compare(actual, expected, rule)
      #expect(comparison.isMatch)
      #expect(comparison.summary.tensors.compared == 3)
    }
    let dropped = try compare(
      actual, expected,
      #"""
      {drop: both, module: x, slot: ['inputs_\d', 'inputs_a.*']},
      {actual: x, expected: x, slots: {outputs_0: outputs}}
      """#)
    #expect(dropped.isMatch)
    #expect(dropped.mapping?.dropped.count == 4)
    // A dot is a dot where nothing else makes a pattern of a slot's name.
    #expect(
      try !compare(
        run("a", [("x", [("outputs_a_b", [1])])]), run("e", [("y", [("outputs_a_b", [1])])]),
        "{actual: x, expected: y, slot: outputs_a.b}"
      ).isMatch)
  }

  @Test func inputsAndOutputsOfAFusedProjectionAreOneRule() throws {
    let whole = try run("w", [("qk", [("inputs_0", [7]), ("outputs_0", [1, 2, 3, 4])])])
    let parts = try run(
      "p",
      [
        ("q", [("inputs_0", [7]), ("outputs", [1, 2, 3])]),
        ("k", [("inputs_0", [7]), ("outputs", [4])]),
      ])
    for (actual, expected, rule) in [
      (
        whole, parts,
        "{actual: qk, expected: [q, k], slots: {inputs_0: inputs_0, outputs_0: outputs}"
      ),
      (
        parts, whole,
        "{expected: qk, actual: [q, k], slots: {inputs_0: inputs_0, outputs: outputs_0}"
      ),
    ] {
      let comparison = try compare(actual, expected, rule + ", concatenate: -1}")
      #expect(comparison.isMatch, "\(comparison.failures)")
      #expect(comparison.summary.tensors.compared == 4)
      #expect(comparison.summary.elements.compared == 6)
    }
  }

  @Test func namesCountOnFromAGroup() throws {
    let actual = try run("a", (0..<3).map { ("l.\($0)", [("outputs", [Float($0)])]) })
    let expected = try run("e", (1..<4).map { ("m.\($0)", [("outputs", [Float($0 - 1)])]) })
    let comparison = try compare(actual, expected, #"{actual: 'l\.(\d+)', expected: 'm.{\1 + 1}'}"#)
    #expect(comparison.isMatch)
    #expect(comparison.summary.tensors.compared == 3)
    let back = try compare(expected, actual, #"{actual: 'm\.(\d+)', expected: 'l.{\1-1}'}"#)
    #expect(back.isMatch)
    // There is no layer below 0, and none of a name.
    #expect(try !compare(actual, expected, #"{actual: 'l\.(\d+)', expected: 'm.{\1-1}'}"#).isMatch)
    #expect(try !compare(actual, expected, #"{actual: '(l)\.\d+', expected: 'm.{\1+1}'}"#).isMatch)
  }

  /// vLLM's rotary embedding has the name of the first layer's, and a call for each layer.
  @Test func aCallMayBeAModule() throws {
    var actual = InMemoryRun(path: "a")
    for call in 0..<3 { actual.add(try rows([Float(call)]), "l.0.rope", call: call, "inputs_1") }
    let expected = try run("e", (0..<3).map { ("l.\($0).q", [("outputs", [Float($0)])]) })
    let comparison = try compare(
      actual, expected,
      #"{actual: 'l\.0\.rope:(\d+)', expected: 'l.\1.q:0', slots: {inputs_1: outputs}}"#)
    #expect(comparison.isMatch)
    #expect(comparison.summary.tensors.compared == 3)
    #expect(comparison.tensor("l.2.q", "outputs")?.pairing?.actual.call == 2)
    let back = try compare(
      expected, actual,
      #"{actual: 'l\.(\d+)\.q:0', expected: 'l.0.rope:\1', slots: {outputs: inputs_1}}"#)
    #expect(back.isMatch)
    let dropped = try compare(
      actual, expected,
      #"""
      {actual: 'l\.0\.rope:1', expected: 'l.1.q:0', slots: {inputs_1: outputs}},
      {drop: actual, module: 'l\.0\.rope:0'}, {drop: actual, module: 'l\.0\.rope:2'},
      {drop: expected, module: 'l\.[02]\.q'}
      """#)
    #expect(dropped.isMatch)
    #expect(dropped.mapping?.rules.map(\.count) == [1, 1, 1, 2])
  }

  // MARK: - Which rule

  @Test func aRuleMayGoBeforeNames() throws {
    let actual = try run("a", [("l", [("inputs_0", [0, 1]), ("inputs_1", [7])])])
    let expected = try run("e", [("l", [("inputs_0", [7]), ("inputs_p", [0, 1])])])
    let rules = "{actual: l, expected: l, slots: {inputs_0: inputs_p, inputs_1: inputs_0}"
    #expect(try compare(actual, expected, rules + ", before_names: true}").isMatch)
    #expect(try !compare(actual, expected, rules + "}").isMatch)
    // One that is left over does not come under the name of another pair.
    let alone = try compare(
      actual, expected,
      "{actual: l, expected: l, slot: inputs_1, expected_slot: inputs_0, before_names: true}")
    #expect(alone.summary.tensors.matched == 1)
    #expect(alone.summary.tensors.missingInExpected == 1)
    #expect(alone.summary.tensors.missingInActual == 1)
    #expect(alone.summary.tensors.mismatched == 0)
    let left = alone.module("l")?.tensors.first { $0.verdict == .missingInExpected }
    #expect(left?.reason == "a rule pairs other tensors under this name")
  }

  @Test func aRuleMayBeOptional() throws {
    let same = try run("a", [("x", [("outputs", [1])])])
    let other = "{actual: y, expected: z"
    #expect(try !compare(same, same, other + "}").isMatch)
    #expect(try compare(same, same, other + ", optional: true}").isMatch)
    #expect(try compare(same, same, other + "}", defaults: "{optional: true}").isMatch)
    #expect(
      try !compare(same, same, other + ", optional: false}", defaults: "{optional: true}").isMatch)
    #expect(
      try compare(same, same, "{drop: both, module: q, optional: true}").mapping?.rules[0].count
        == 0)
  }

  @Test func aSliceThatDoesNotFitLeavesTheTensorToTheNextRule() throws {
    let actual = try run("a", [("x", [("outputs", [1, 2])])])
    let expected = try run("e", [("y", [("outputs", [1, 2])])])
    let slice =
      "{actual: x, expected: y, actual_transform: [{slice: {axis: -1, end: 3}}], optional: true}"
    let comparison = try compare(actual, expected, slice + ", {actual: x, expected: y}")
    #expect(comparison.isMatch)
    #expect(comparison.tensor("y", "outputs")?.pairing?.rule == 1)
    let alone = try compare(actual, expected, slice)
    #expect(alone.tensor("y", "outputs")?.verdict == .unreadable)
    // Under equal names too.
    let named = try compare(
      actual, actual,
      "{actual: x, expected: x, actual_transform: [{part: {axis: 0, index: 0, of: 2}}]}, "
        + "{actual: x, expected: x, expected_transform: [{squeeze: 0}], actual_transform: [{squeeze: 0}]}"
    )
    #expect(named.tensor("x", "outputs")?.pairing?.rule == 1)
  }

  @Test func aRuleIsForItsSteps() throws {
    var (actual, expected) = (InMemoryRun(path: "a"), InMemoryRun(path: "e"))
    for step in 0..<4 {
      actual.add(try rows([1]), step: step, "x", "outputs")
      expected.add(try rows([1]), step: step, step == 0 ? "p" : "q", "outputs")
    }
    let comparison = try compare(
      actual, expected,
      "{actual: x, expected: p, steps: 0}, {actual: x, expected: q, steps: [1, 2-]}")
    #expect(comparison.isMatch)
    #expect(comparison.mapping?.rules.map(\.count) == [1, 3])
    #expect(comparison.mapping?.rules[1].text == "x = q, steps 1, 2-")
    let drop = try compare(
      actual, expected, "{drop: both, module: .*, steps: 1-}, {actual: x, expected: p}")
    #expect(drop.isMatch)
    #expect(drop.mapping?.dropped.count == 6)
    #expect(try !compare(actual, expected, "{actual: x, expected: p, steps: 7-9}").isMatch)
  }

  @Test func aRuleIsForItsDevice() throws {
    let cuda = Device("cuda:0")
    var (actual, expected) = (InMemoryRun(path: "a"), InMemoryRun(path: "e"))
    for (device, values) in [(Device.cpu, [1]), (cuda, [2, 3])] as [(Device, [Float])] {
      actual.add(try rows(values, device: device), "x", "outputs", device: device)
      let tensor = try rows(values, device: device)
      expected.add(tensor, device == cuda ? "y" : "x", "outputs", device: device)
    }
    let comparison = try compare(actual, expected, "{actual: x, expected: y, device: 'cuda:0'}")
    #expect(comparison.isMatch, "\(comparison.failures)")
    #expect(comparison.summary.tensors.compared == 2)
    #expect(try !compare(actual, expected, "{actual: x, expected: y, device: cpu}").isMatch)
    #expect(
      try compare(
        actual, expected,
        "{drop: actual, module: x, device: 'cuda:0'}, {drop: expected, module: y, device: 'cuda:0'}"
      ).isMatch)
  }

  // MARK: - Defaults and notes

  @Test func defaultsAreForAWholeRun() throws {
    var (actual, expected) = (InMemoryRun(path: "a"), InMemoryRun(path: "e"))
    func batched(_ values: [Float]) throws -> Tensor {
      try Tensor(values, dtype: .float32, shape: Shape([1, 2, 2]))
    }
    actual.add(try rows([1, 2], [3, 4]), "x", "outputs")
    actual.add(try rows([1, 2], [3, 4]), "y", "outputs")
    expected.add(try batched([1, 2, 3, 4]), "x", "outputs")
    expected.add(try batched([1, 2, 3, 4]), "z", "outputs")
    let defaults = "{expected_transform: [{squeeze: 0}]}"
    let comparison = try compare(actual, expected, "{actual: y, expected: z}", defaults: defaults)
    #expect(comparison.isMatch)
    #expect(comparison.summary.tensors.compared == 2)
    // The axis has two entries on the other side, which is no error there.
    #expect(
      try compare(
        actual, expected, "{actual: y, expected: z}",
        defaults: "{expected_transform: [{squeeze: 0}], actual_transform: [{squeeze: 0}]}"
      ).isMatch)
    // A rule's own list takes the place of it.
    #expect(
      try compare(
        actual, expected, "{actual: y, expected: z, expected_transform: []}", defaults: defaults
      ).tensor("z", "outputs")?.verdict == .shape)
  }

  @Test func whatAMappingExplainsIsNotNoted() throws {
    var actual = try run("a", [("x", [("inputs_0", [1]), ("outputs_0", [2])])])
    var expected = try run("e", [("y", [("inputs_0", [1]), ("outputs", [2])])])
    actual.describe("x", .outputs, .tuple([.tensor(try rows([2])), .none]))
    expected.describe("y", .outputs, .tensor(try rows([2])))
    actual.describe("x", .inputs, .tuple([.tensor(try rows([1])), .integer(3)]))
    expected.describe("y", .inputs, .tuple([.tensor(try rows([1])), .integer(4)]))
    let comparison = try compare(
      actual, expected, "{actual: x, expected: y, slots: {inputs_0: inputs_0, outputs_0: outputs}}")
    // The outputs have other slots, so what else is there differs; the inputs do not.
    #expect(comparison.isMatch)
    #expect(comparison.notes.count == 1)
    #expect(comparison.notes.first?.contains("inputs[1] is 3 instead of 4") == true)
    // Gathered calls have no order of their own.
    let (first, second) = (
      try run("a", [("p", [("outputs_0", [1]), ("outputs_1", [2])]), ("q", [("outputs", [3])])]),
      try run(
        "e", [("q", [("outputs", [3])]), ("p", [("outputs_0", [1])]), ("r", [("outputs", [2])])])
    )
    let gathered = try compare(
      first, second, "{actual: p, expected: r, slot: outputs_1, expected_slot: outputs}")
    #expect(gathered.isMatch)
    #expect(gathered.notes.isEmpty, "\(gathered.notes)")
  }
}
