import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

/// What rules pair, and that nothing else ever does.
@Suite struct MappingTests {
  private func compare(
    _ actual: InMemoryRun, _ expected: InMemoryRun, _ rules: String,
    _ options: ComparisonOptions = .init(tolerance: .exact)
  ) throws -> RunComparison {
    var options = options
    options.mapping = try Mapping(yaml: "rules: [\(rules)]")
    return try RunComparison.compare(actual: actual, expected: expected, options: options)
  }

  private func unused(_ comparison: RunComparison) -> [Int] {
    comparison.failures.compactMap {
      if case .mappingRuleUnused(let rule, _, _, _, _) = $0 { rule } else { nil }
    }
  }

  @Test func namesOfEitherSideArePatterns() throws {
    let actual = try run("a", [("h.0.x", [("outputs", [1, 2])]), ("h.1.x", [("outputs", [3])])])
    let expected = try run(
      "e", [("l.0.y", [("outputs", [1, 2])]), ("l.1.y", [("outputs", [3])])])
    for rule in [
      #"{actual: 'h\.(\d)\.x', expected: 'l.\1.y'}"#,
      #"{expected: 'l\.(\d)\.y', actual: ['h.\1.x']}"#,
    ] {
      let comparison = try compare(actual, expected, rule)
      #expect(comparison.isMatch)
      #expect(comparison.summary.tensors.compared == 2)
      #expect(comparison.steps[0].modules.map(\.call.module) == ["l.0.y", "l.1.y"])
      let pairing = comparison.tensor("l.1.y", "outputs")?.pairing
      #expect(pairing?.rule == 0)
      #expect(pairing?.actual.module == "h.1.x")
      #expect(pairing?.expected.module == "l.1.y")
      #expect(comparison.mapping?.rules.map(\.count) == [2])
    }
  }

  @Test func thePatternMustMatchTheWholeName() throws {
    let actual = try run("a", [("h.0.x", [("outputs", [1])])])
    let expected = try run("e", [("y", [("outputs", [1])])])
    let comparison = try compare(actual, expected, #"{actual: 'h\.0', expected: y}"#)
    #expect(!comparison.isMatch)
    #expect(unused(comparison) == [0])
    // As in Python's fullmatch, an earlier alternative does not end the search.
    #expect(try compare(actual, expected, #"{actual: 'h|h\.0\.x', expected: y}"#).isMatch)
  }

  @Test func equalNamesGoFirst() throws {
    let actual = try run("a", [("x", [("outputs", [1])]), ("y", [("outputs", [2])])])
    let expected = try run("e", [("x", [("outputs", [1])]), ("y", [("outputs", [2])])])
    // The rule would cross the two.
    let comparison = try compare(actual, expected, "{actual: x, expected: y}")
    #expect(comparison.tensor("x", "outputs")?.verdict == .match)
    #expect(comparison.tensor("y", "outputs")?.verdict == .match)
    #expect(comparison.tensor("y", "outputs")?.pairing?.rule == nil)
    // A rule that did nothing is a failure all the same.
    #expect(unused(comparison) == [0])
    #expect(!comparison.isMatch)
  }

  @Test func aRuleTransformsWhatEqualNamesPair() throws {
    var actual = InMemoryRun(path: "a")
    actual.add(try rows([1, 2], [3, 4]), "x", "outputs")
    var expected = InMemoryRun(path: "e")
    expected.add(
      try Tensor([1, 2, 3, 4] as [Float], dtype: .float32, shape: Shape([1, 2, 2])), "x", "outputs")
    let comparison = try compare(
      actual, expected,
      #"{actual: '(.*)', expected: '\1', expected_transform: [{squeeze: 0}]}"#)
    #expect(comparison.isMatch)
    #expect(comparison.tensor("x", "outputs")?.pairing?.expected.operations == ["squeeze(0)"])
    #expect(try !AssayComparisonTests.compare(actual, expected).isMatch)
  }

  @Test func theFirstRuleThatMakesAPairDecides() throws {
    let actual = try run("a", [("x", [("inputs_0", [5]), ("outputs", [1])])])
    let expected = try run("e", [("y", [("inputs_h", [5]), ("outputs", [1])])])
    let comparison = try compare(
      actual, expected,
      "{actual: x, expected: y}, {actual: x, slot: inputs_0, expected: y, expected_slot: inputs_h}")
    #expect(comparison.isMatch)
    #expect(comparison.tensor("y", "outputs")?.pairing?.rule == 0)
    #expect(comparison.tensor("y", "inputs_h")?.pairing?.rule == 1)
    #expect(comparison.tensor("y", "inputs_h")?.pairing?.actual.slot == Slot("inputs_0"))
  }

  @Test func twoTensorsOnOneNameFail() throws {
    let actual = try run("a", [("x.0", [("outputs", [1])]), ("x.1", [("outputs", [1])])])
    let expected = try run("e", [("y", [("outputs", [1])])])
    let comparison = try compare(actual, expected, #"{actual: 'x\.\d', expected: y}"#)
    #expect(!comparison.isMatch)
    #expect(comparison.tensor("y", "outputs")?.verdict == .match)
    #expect(comparison.module("x.1")?.verdict == .missingInExpected)
    let first = try #require(comparison.failures.first)
    guard case .mappedTwice(rule: 0, let tensor, let onto, _, by: 0, isActual: true) = first else {
      Issue.record("\(first)")
      return
    }
    #expect(tensor.module == "x.1")
    #expect(onto.module == "y")
    let text = first.description
    #expect(
      text == "rule 1 of the mapping pairs step 0 x.1 outputs on cpu with step 0 y outputs on cpu, "
        + "which is already paired with step 0 x.0 outputs on cpu by rule 1; no tensor pairs twice, "
        + "unless the later rule says shared: expected")
  }

  @Test func oneTensorOntoTwoNamesFailsUnlessItIsSliced() throws {
    let actual = try run("a", [("x", [("outputs", [1, 1])])])
    let expected = try run("e", [("y", [("outputs", [1, 1])]), ("z", [("outputs", [1, 1])])])
    let comparison = try compare(
      actual, expected, "{actual: x, expected: y}, {actual: x, expected: z}")
    #expect(!comparison.isMatch)
    #expect(comparison.module("z")?.verdict == .missingInActual)
    #expect(unused(comparison) == [1])
  }

  @Test func slicesShareATensor() throws {
    let whole = try run("w", [("qk", [("outputs", [1, 2, 3, 4])])])
    let parts = try run("p", [("q", [("outputs", [1, 2, 3])]), ("k", [("outputs", [4])])])
    let forward = try compare(
      whole, parts,
      """
      {actual: qk, expected: q, actual_transform: [{slice: {axis: -1, end: 3}}]},
      {actual: qk, expected: k, actual_transform: [{slice: {axis: 1, start: 3}}]}
      """)
    #expect(forward.isMatch)
    #expect(forward.summary.tensors.compared == 2)
    #expect(forward.notes.isEmpty)
    let backward = try compare(
      parts, whole,
      """
      {actual: q, expected: qk, expected_transform: [{slice: {axis: -1, end: 3}}]},
      {actual: k, expected: qk, expected_transform: [{slice: {axis: -1, start: 3}}]}
      """)
    #expect(backward.isMatch)
    #expect(backward.steps[0].modules.map(\.call.module) == ["q", "k"])
  }

  @Test func aSliceThatLeavesElementsOutIsNoted() throws {
    let whole = try run("w", [("qk", [("outputs", [1, 2, 3, 4])])])
    let part = try run("p", [("q", [("outputs", [1, 2, 3])])])
    let comparison = try compare(
      whole, part, "{actual: qk, expected: q, actual_transform: [{slice: {axis: -1, end: 3}}]}")
    #expect(comparison.isMatch)
    #expect(
      comparison.notes == [
        "1 tensor of the actual run was compared in part only, as mapping rules slice it: "
          + "step 0 qk outputs on cpu, 3 of 4 elements"
      ])
  }

  @Test func concatenatedModulesAreComparedOneByOne() throws {
    let whole = try run("w", [("qk", [("inputs_0", [7]), ("outputs", [1, 2, 3, 4])])])
    let parts = try run(
      "p",
      [
        ("q", [("inputs_0", [7]), ("outputs", [1, 2, 9])]),
        ("k", [("inputs_0", [7]), ("outputs", [4])]),
      ])
    for (actual, expected, rule) in [
      (whole, parts, "{actual: qk, expected: [q, k], concatenate: -1}"),
      (parts, whole, "{expected: qk, actual: [q, k], concatenate: -1}"),
    ] {
      let comparison = try compare(actual, expected, rule)
      #expect(!comparison.isMatch)
      #expect(comparison.firstDivergence?.call.module == "q")
      #expect(comparison.firstDivergence?.origin.cause == .introduced)
      #expect(comparison.tensor("q", "inputs_0")?.verdict == .match)
      #expect(comparison.module("k")?.verdict == .match)
      #expect(comparison.summary.tensors.compared == 4)
      #expect(comparison.summary.elements.compared == 6)
      #expect(comparison.summary.elements.mismatched == 1)
    }
  }

  /// The order of the list is that of the parts.
  @Test func anotherOrderOfTheListDoesNotMatch() throws {
    let whole = try run("w", [("qk", [("outputs", [1, 2, 3, 4])])])
    let parts = try run("p", [("q", [("outputs", [1, 2])]), ("k", [("outputs", [3, 4])])])
    #expect(
      try !compare(whole, parts, "{actual: qk, expected: [k, q], concatenate: -1}").isMatch)
  }

  @Test(
    arguments: [
      ("-1", [1, 2, 3, 4, 5], "has 5 entries, and the 2 parts have 2 + 2"),
      ("-1", [1, 2, 3], "has 3 entries, and the 2 parts have 2 + 2"),
      ("2", [1, 2, 3, 4], "has no axis 2"), ("-3", [1, 2, 3, 4], "has no axis -3"),
      ("0", [1, 2, 3, 4], "has 1 entries, and the 2 parts have 1 + 1"),
    ] as [(String, [Float], String)])
  func partsThatDoNotFitAreUnreadable(axis: String, values: [Float], reason: String) throws {
    let whole = try run("w", [("qk", [("outputs", values)])])
    let parts = try run("p", [("q", [("outputs", [1, 2])]), ("k", [("outputs", [3, 4])])])
    let comparison = try compare(
      whole, parts, "{actual: qk, expected: [q, k], concatenate: \(axis)}")
    #expect(!comparison.isMatch)
    #expect(comparison.summary.tensors.unreadable == 2)
    #expect(comparison.summary.tensors.compared == 0)
    let text = comparison.tensor("q", "outputs")?.reason ?? ""
    #expect(text.contains("rule 1 of the mapping does not fit step 0 qk outputs on cpu"), "\(text)")
    #expect(text.contains(reason), "\(text)")
  }

  @Test func aPartThatIsMissingFails() throws {
    let whole = try run("w", [("qk", [("outputs", [1, 2, 3, 4])])])
    var parts = try run("p", [("q", [("outputs", [1, 2])])])
    let rule = "{actual: qk, expected: [q, k], concatenate: -1}"
    let without = try compare(whole, parts, rule)
    #expect(!without.isMatch)
    #expect(without.summary.tensors.compared == 0)
    #expect(unused(without) == [0])
    // The module is there, but not its outputs.
    try parts.add([("k", [("inputs_0", [3, 4])])])
    #expect(try !compare(whole, parts, rule).isMatch)
  }

  @Test func droppedTensorsAreCountedAndNamed() throws {
    let actual = try run(
      "a", [("x", [("inputs_0", [1]), ("outputs", [1])]), ("z", [("outputs", [9])])])
    let expected = try run(
      "e", [("x", [("inputs_0", [2]), ("outputs", [1])]), ("w", [("outputs", [8])])])
    let comparison = try compare(
      actual, expected,
      "{drop: both, module: x, slot: inputs_0}, {drop: actual, module: z}, {drop: expected, module: w}"
    )
    #expect(comparison.isMatch)
    #expect(comparison.summary.tensors.total == 1)
    let dropped = try #require(comparison.mapping?.dropped)
    #expect(dropped.map(\.key.module) == ["x", "z", "x", "w"])
    #expect(dropped.map(\.isActual) == [true, true, false, false])
    #expect(dropped.map(\.rule) == [0, 1, 0, 2])
    #expect(comparison.mapping?.rules.map(\.count) == [2, 1, 1])
  }

  @Test func droppingOneSideOnlyFails() throws {
    let same = try run("a", [("x", [("outputs", [1])]), ("y", [("outputs", [1])])])
    let comparison = try compare(same, same, "{drop: actual, module: y}")
    #expect(!comparison.isMatch)
    #expect(comparison.module("y")?.verdict == .missingInActual)
  }

  @Test func droppingEverythingFails() throws {
    let same = try run("a", [("x", [("outputs", [1])])])
    for rule in ["{drop: both, module: '.*'}", "{drop: both, module: x, slot: outputs}"] {
      let comparison = try compare(same, same, rule)
      #expect(!comparison.isMatch)
      #expect(comparison.failures.contains(.nothingCompared))
    }
  }

  @Test func aDropThatNamesNothingFails() throws {
    let same = try run("a", [("x", [("outputs", [1])])])
    let comparison = try compare(same, same, "{drop: both, module: rotary}")
    #expect(unused(comparison) == [0])
    #expect(!comparison.isMatch)
    let text = try #require(comparison.failures.first).description
    #expect(text.hasPrefix("rule 1 of the mapping (line 1) does nothing: drop both: rotary; "))
  }

  /// Nothing pairs by where it stands: same order, same values, other names, no rule.
  @Test func positionsNeverPair() throws {
    let actual = try run("a", [("x", [("outputs", [1])]), ("y", [("outputs", [2])])])
    let expected = try run("e", [("u", [("outputs", [1])]), ("y", [("outputs", [2])])])
    let comparison = try compare(actual, expected, #"{actual: '(y)', expected: '\1'}"#)
    #expect(!comparison.isMatch)
    #expect(comparison.module("x")?.verdict == .missingInExpected)
    #expect(comparison.module("u")?.verdict == .missingInActual)
  }

  /// A tensor that no rule pairs must not come under a name at which another one waits.
  @Test func whatIsLeftOfAMappedCallPairsWithNothing() throws {
    let actual = try run("a", [("x", [("inputs_0", [5]), ("outputs", [1])])])
    let expected = try run("e", [("y", [("inputs_0", [5]), ("outputs", [1])])])
    let comparison = try compare(actual, expected, "{actual: x, slot: outputs, expected: y}")
    #expect(!comparison.isMatch)
    #expect(comparison.summary.tensors.compared == 1)
    #expect(comparison.summary.tensors.missingInActual == 1)
    #expect(comparison.summary.tensors.missingInExpected == 1)
  }

  @Test func whatOnlyTheActualCallHasStandsInTheMappedModule() throws {
    let actual = try run("a", [("x", [("inputs_0", [5]), ("outputs", [1])])])
    let expected = try run("e", [("y", [("outputs", [1])])])
    let comparison = try compare(actual, expected, "{actual: x, expected: y}")
    #expect(!comparison.isMatch)
    #expect(comparison.tensor("y", "inputs_0")?.verdict == .missingInExpected)
    #expect(comparison.steps[0].modules.count == 1)
  }

  @Test func callsStepsAndDevicesStayApart() throws {
    var (actual, expected) = (InMemoryRun(path: "a"), InMemoryRun(path: "e"))
    for step in 0..<2 {
      for call in 0..<2 {
        for device in ["cuda:0", "cuda:1"] {
          let value = Float(step * 100 + call * 10) + (device == "cuda:1" ? 1 : 0)
          actual.add(
            try rows([value, value], device: Device(device)), step: step, "x", call: call,
            "outputs",
            device: Device(device))
          for (name, index) in [("y", 0), ("z", 1)] {
            expected.add(
              try rows([value], device: Device(device)), step: step, name, call: call, "outputs",
              device: Device(device))
            _ = index
          }
        }
      }
    }
    let comparison = try compare(
      actual, expected, "{actual: x, expected: [y, z], concatenate: -1}")
    #expect(comparison.isMatch)
    #expect(comparison.summary.tensors.compared == 16)
  }

  @Test func devicesPairByTheirMap() throws {
    let cuda = Device("cuda:0")
    var (actual, expected) = (InMemoryRun(path: "a"), InMemoryRun(path: "e"))
    actual.add(try rows([1, 2, 3], device: cuda), "x", "outputs", device: cuda)
    expected.add(try rows([1]), "y", "outputs")
    expected.add(try rows([2, 3]), "z", "outputs")
    var options = ComparisonOptions(tolerance: .exact)
    let rule = "{actual: x, expected: [y, z], concatenate: -1}"
    #expect(try !compare(actual, expected, rule, options).isMatch)
    options.deviceMap = [(cuda, .cpu)]
    #expect(try compare(actual, expected, rule, options).isMatch)
    #expect(
      try compare(actual, expected, rule, options).tensor("z", "outputs")?.pairing?.rule == 0)
  }

  @Test func skippedTensorsAreNotRead() throws {
    let note = SkippedTensor(
      dtype: .float32, shape: try Shape([1, 2]), device: .cpu, reason: "it is too large")
    let actual = try run("a", [("x", [("outputs", [1, 2, 3, 4])])])
    var expected = try run("e", [("y", [("outputs", [1, 2])])])
    expected.add(nil, "z", "outputs", skipped: note)
    let comparison = try compare(
      actual, expected, "{actual: x, expected: [y, z], concatenate: -1}")
    #expect(!comparison.isMatch)
    #expect(comparison.summary.tensors.compared == 0)
  }

  @Test func whatCannotBeReadStaysUnreadable() throws {
    var actual = InMemoryRun(path: "a")
    actual.add(nil, "x", "outputs")
    let expected = try run("e", [("y", [("outputs", [1, 2])])])
    let comparison = try compare(
      actual, expected, "{actual: x, expected: y, actual_transform: [{squeeze: 0}]}")
    #expect(comparison.summary.tensors.unreadable == 1)
    #expect(comparison.tensor("y", "outputs")?.reason == "actual: a: its bytes are gone")
  }

  @Test func selectionsUseTheCommonNames() throws {
    let actual = try run("a", [("x", [("outputs", [1])]), ("v", [("outputs", [2])])])
    let expected = try run("e", [("y", [("outputs", [1])]), ("w", [("outputs", [3])])])
    let rules = "{actual: x, expected: y}, {actual: v, expected: w}"
    var options = ComparisonOptions(tolerance: .exact, modules: [try ModulePattern("^y$")])
    #expect(try compare(actual, expected, rules, options).isMatch)
    options.modules = [try ModulePattern("^x$")]
    let comparison = try compare(actual, expected, rules, options)
    #expect(comparison.failures.contains(.patternMatchesNothing("^x$")))
  }

  @Test func aLiveComparisonRefusesAMapping() throws {
    let expected = try run("e", [("y", [("outputs", [1])])])
    let mapping = try Mapping(yaml: "rules: [{actual: x, expected: y}]")
    let live = LiveComparison(expected: expected, options: .init(mapping: mapping))
    #expect(throws: ComparisonError.mappingWhileRunning) {
      try live.finish(path: "live", manifest: RunManifest(id: "a"))
    }
  }
}
