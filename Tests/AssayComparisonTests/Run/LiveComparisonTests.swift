import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

@Suite struct LiveComparisonTests {
  private let calls: [Call] = [
    ("m", [("inputs_0", [1, 2]), ("outputs", [5, 6])]),
    ("m.a", [("inputs_0", [1, 2]), ("outputs", [3, 4])]),
    ("m.b", [("inputs_0", [3, 4]), ("outputs", [5, 6])]),
  ]

  private func part(
    _ module: String, _ side: Slot.Side, _ tensors: [CapturedTensor], step: Int = 0, call: Int = 0
  ) -> CallPart {
    CallPart(
      call: CallKey(step: step, module: module, index: call), side: side, description: nil,
      tensors: tensors)
  }

  private func stored(_ slot: String, _ values: Float..., device: Device = .cpu) throws
    -> CapturedTensor
  {
    .stored(Slot(slot), try rows(values, device: device))
  }

  @Test func saysOfEachPartWhetherItMatches() throws {
    let live = LiveComparison(expected: try run("B", calls))
    #expect(live.receive(.stepBegan(0)))
    #expect(live.receive(.captured(part("m.a", .inputs, [try stored("inputs_0", 1, 2)]))))
    #expect(!live.receive(.captured(part("m.a", .outputs, [try stored("outputs", 3, 5)]))))
    // Another shape, a missing, an extra, a second tensor, an extra call, an extra step.
    #expect(!live.receive(.captured(part("m.b", .inputs, [try stored("inputs_0", 3)]))))
    #expect(!live.receive(.captured(part("m.b", .outputs, []))))
    let extra = [try stored("outputs", 5, 6), try stored("outputs_1", 5)]
    #expect(!live.receive(.captured(part("m", .outputs, extra))))
    #expect(!live.receive(.captured(part("m", .outputs, [try stored("outputs", 5, 6)]))))
    #expect(!live.receive(.captured(part("m.c", .outputs, [try stored("outputs", 5, 6)]))))
    #expect(!live.receive(.captured(part("m", .outputs, [try stored("outputs", 5, 6)], call: 1))))
    #expect(!live.receive(.captured(part("m", .outputs, [try stored("outputs", 5, 6)], step: 1))))
  }

  @Test func whatIsNotComparedPasses() throws {
    let live = LiveComparison(
      expected: try run("B", calls),
      options: .init(
        .init(steps: [0], modules: [try ModulePattern(#"\.b$"#)]), sides: [.outputs]))
    #expect(live.receive(.captured(part("m.a", .outputs, [try stored("outputs", 9)]))))
    #expect(live.receive(.captured(part("m.b", .inputs, [try stored("inputs_0", 9)]))))
    #expect(live.receive(.captured(part("m.b", .outputs, [try stored("outputs", 9)], step: 1))))
    #expect(!live.receive(.captured(part("m.b", .outputs, [try stored("outputs", 9)]))))
  }

  /// One tensor of a part that matches does not excuse another.
  @Test func everyTensorOfAPartCounts() throws {
    let both: [Call] = [("m", [("outputs_0", [1]), ("outputs_1", [2])])]
    let live = LiveComparison(expected: try run("B", both))
    for (first, second) in [(Float(9), Float(2)), (1, 9), (9, 9)] {
      live.receive(.stepBegan(0))
      let tensors = [try stored("outputs_0", first), try stored("outputs_1", second)]
      #expect(!live.receive(.captured(part("m", .outputs, tensors))))
    }
    // A step that begins again is a new one.
    live.receive(.stepBegan(0))
    let right = [try stored("outputs_0", 1), try stored("outputs_1", 2)]
    #expect(live.receive(.captured(part("m", .outputs, right))))
    #expect(
      live.receive(.stepEnded(0, calls: [CallKey(step: 0, module: "m")], completionOrder: [0])))
    #expect(try live.finish(path: "A", manifest: RunManifest(id: "a")).isMatch)
  }

  /// Whole steps, of which only some sides, modules or steps are compared.
  @Test func endsOfStepsHoldWhatIsCompared() throws {
    var expected = try run("B", calls)
    // A name that tells no side.
    expected.add(try rows([1]), "m.b", "other")
    var actual = try run("A", calls + [("x", [("outputs", [1])])])
    actual.add(try rows([1]), "m.b", "other")
    try actual.add(step: 1, [("x", [("outputs", [1])])])
    let options = ComparisonOptions(
      .init(steps: [0], modules: [try ModulePattern("^m")]), sides: [.outputs])
    var replayer = Replayer(actual, expected, options)
    try replayer.feed()
    #expect(replayer.passes.allSatisfy { $0 })
    expectEqual(try replayer.finish(), try compare(actual, expected, options))
    var lacking = Replayer(try run("A", Array(calls.dropLast())), expected, options)
    try lacking.feed()
    #expect(lacking.passes.last == false)
  }

  @Test func stepsWithAllCallsAndNoOthersPass() throws {
    let expected = try run("B", calls)
    var whole = Replayer(expected, expected, .init())
    try whole.feed()
    #expect(whole.passes.allSatisfy { $0 })
    for other in [Array(calls.dropLast()), calls + [("m.c", [("outputs", [1])])]] {
      var replayer = Replayer(try run("A", other), expected, .init())
      try replayer.feed()
      #expect(replayer.passes.last == false)
    }
    var late = Replayer(try run("A", step: 1, calls), expected, .init())
    try late.feed()
    #expect(late.passes.last == false)
  }

  @Test func missingAndExtraCallsComeToTheSame() throws {
    let comparison = try compareLive(
      run("A", Array(calls.dropLast()) + [("m.c", [("outputs", [1])])]), run("B", calls))
    #expect(comparison.tensor("m.b", "outputs")?.reason == "the actual run has no call of m.b")
    #expect(comparison.tensor("m.c", "outputs")?.reason == "the expected run has no call of m.c")
  }

  @Test func missingAndExtraStepsComeToTheSame() throws {
    var long = try run("A", calls)
    try long.add(step: 1, calls)
    let extra = try compareLive(long, run("B", calls))
    #expect(extra.failures == [.extraSteps(ran: 2, expected: 1)])
    #expect(
      extra.failures.first?.description == "the actual run has 2 steps, but the expected run only 1"
    )
    #expect(extra.tensor("m.a", "outputs", step: 1)?.reason == "the expected run has no step 1")
    let missing = try compareLive(run("A", calls), long)
    #expect(missing.failures.isEmpty)
    #expect(missing.tensor("m.a", "outputs", step: 1)?.reason == "the actual run has no step 1")
    #expect(!missing.isMatch)
  }

  @Test func missingSecondCallIsNamed() throws {
    var expected = try run("B", calls)
    expected.add(try rows([1]), "m.a", call: 1, "outputs")
    let comparison = try compareLive(run("A", calls), expected)
    let second = comparison.steps[0].modules.first { $0.call.index == 1 }
    #expect(second?.tensors.first?.reason == "the actual run has no call 1 of m.a")
  }

  @Test func skippedTensorsComeToTheSame() throws {
    let note = SkippedTensor(
      dtype: .float32, shape: .vector(2), device: .cpu, reason: "too large")
    var skipping = try run("S", calls)
    skipping.add(nil, "m.a", "outputs_1", skipped: note)
    var holding = try run("H", calls)
    holding.add(try rows([1, 2]), "m.a", "outputs_1")
    #expect(try compareLive(skipping, skipping).isMatch)
    #expect(
      try compareLive(skipping, holding).tensor("m.a", "outputs_1")?.reason
        == "the actual run skipped it: too large")
    #expect(
      try compareLive(holding, skipping).tensor("m.a", "outputs_1")?.verdict == .missingInExpected)
  }

  @Test func mappedDevicesComeToTheSame() throws {
    var actual = InMemoryRun(path: "A")
    actual.add(
      try rows([1, 2], device: Device("cuda:0")), "a", "outputs", device: Device("cuda:0"))
    actual.add(try rows([1, 2]), "a", "outputs")
    let map = [(actual: Device("cuda:0"), expected: Device.cpu)]
    let comparison = try compareLive(
      actual, run("B", [("a", [("outputs", [1, 2])])]), .init(deviceMap: map))
    #expect(comparison.summary.tensors.missingInExpected == 1)
    #expect(comparison.failures.isEmpty)
    // A device is there, also where only what is not compared was on it.
    actual.add(
      try rows([1], device: Device("cuda:1")), "x", "outputs", device: Device("cuda:1"))
    let both = map + [(actual: Device("cuda:1"), expected: Device.cpu)]
    let selected = try compareLive(
      actual, run("B", [("a", [("outputs", [1, 2])])]),
      .init(modules: [try ModulePattern("^a$")], deviceMap: both))
    #expect(selected.failures.isEmpty)
  }

  /// What a run can show of a call's inputs decides whether the call can be blamed.
  @Test(arguments: [InputCoverage.all, .partial])
  func inputCoverageComesToTheSame(coverage: InputCoverage) throws {
    let given = ("inputs_0", [Float(3), 4])
    var actual = try run("A", calls + [("m.c", [given, ("outputs", [3, 9])])])
    actual.cover("m.c", coverage)
    let expected = try run("B", calls + [("m.c", [given, ("outputs", [3, 4])])])
    let origin = try compareLive(actual, expected).module("m.c")?.origin
    #expect((origin?.cause == .introduced) == (coverage == .all))
  }

  /// What was first said of a call stands, as does what its tensors first came to.
  @Test func theFirstOfTwoPartsCounts() throws {
    var expected = try run("B", [("a", [("outputs", [1])])])
    expected.describe("a", .outputs, .tuple([.integer(1)]))
    let live = LiveComparison(expected: expected)
    for (number, value) in [(1, Float(9)), (2, Float(1))] {
      let part = CallPart(
        call: CallKey(step: 0, module: "a"), side: .outputs,
        description: CapturedValue.tuple([.integer(number)]).description,
        tensors: [try stored("outputs", value)])
      #expect(!live.receive(.captured(part)))
    }
    live.receive(.stepEnded(0, calls: [CallKey(step: 0, module: "a")], completionOrder: [0]))
    let comparison = try live.finish(path: "A", manifest: RunManifest(id: "a"))
    #expect(comparison.tensor("a", "outputs")?.verdict == .values)
    #expect(comparison.notes.allSatisfy { !$0.contains("other values than tensors") })
  }

  @Test func ordersAndDescriptionsComeToTheSame() throws {
    var (actual, expected) = (try run("A", calls.reversed()), try run("B", calls))
    actual.describe("m.a", .inputs, .tuple([.integer(1)]))
    expected.describe("m.a", .inputs, .tuple([.integer(2)]))
    #expect(try compareLive(actual, expected).notes.count == 2)
    expected.forgetOrder()
    try compareLive(actual, expected)
    actual.forgetOrder()
    try compareLive(actual, expected)
  }

  @Test func expectedTensorsThatCannotBeReadComeToTheSame() throws {
    var expected = try run("B", calls)
    expected.add(nil, "m.a", "outputs_1")
    var actual = try run("A", calls)
    actual.add(try rows([1]), "m.a", "outputs_1")
    let comparison = try compareLive(actual, expected)
    #expect(comparison.summary.tensors.unreadable == 1)
  }

  @Test func tensorOfANameThatIsTakenFails() throws {
    let live = LiveComparison(expected: try run("B", [("a", [("outputs", [1])])]))
    let twice = [try stored("outputs", 1), try stored("outputs", 1)]
    #expect(!live.receive(.captured(part("a", .outputs, twice))))
    live.receive(.stepEnded(0, calls: [CallKey(step: 0, module: "a")], completionOrder: [0]))
    let comparison = try live.finish(path: "A", manifest: RunManifest(id: "a"))
    #expect(!comparison.isMatch)
    #expect(comparison.steps[0].modules[0].tensors.map(\.verdict) == [.match, .missingInExpected])
    #expect(
      comparison.steps[0].modules[0].tensors[1].reason
        == "the actual run has two tensors of this name")
  }

  @Test func callsThatAreNotListedAtTheEndStillCount() throws {
    let live = LiveComparison(expected: try run("B", [("a", [("outputs", [1])])]))
    live.receive(.captured(part("a", .outputs, [try stored("outputs", 1)])))
    live.receive(.captured(part("b", .outputs, [try stored("outputs", 1)])))
    #expect(
      !live.receive(
        .stepEnded(0, calls: [CallKey(step: 0, module: "a")], completionOrder: [0, 7])))
    let comparison = try live.finish(path: "A", manifest: RunManifest(id: "a"))
    #expect(comparison.module("b")?.verdict == .missingInExpected)
    #expect(!comparison.isMatch)
  }

  @Test func discardedStepIsForgottenAndMayComeAgain() throws {
    var steps = try run("A", calls)
    try steps.add(step: 1, calls)
    var replayer = Replayer(steps, steps, .init())
    replayer.live.receive(.stepBegan(0))
    #expect(!replayer.live.receive(.captured(part("m.a", .outputs, [try stored("outputs", 7, 7)]))))
    #expect(!replayer.live.receive(.captured(part("other", .outputs, [try stored("outputs", 7)]))))
    replayer.live.receive(.stepDiscarded(0))
    try replayer.feed()
    expectEqual(try replayer.finish(), try compare(steps, steps))

    replayer.live.receive(.stepDiscarded(1))
    let comparison = try replayer.finish()
    #expect(comparison.steps.map(\.verdict) == [.match, .missingInActual])
  }

  @Test func stepThatDidNotEndMakesTheRunIncomplete() throws {
    let live = LiveComparison(expected: try run("B", calls))
    live.receive(.stepBegan(0))
    live.receive(.captured(part("m.a", .outputs, [try stored("outputs", 3, 4)])))
    let comparison = try live.finish(path: "A", manifest: RunManifest(id: "a"))
    #expect(comparison.failures == [.incompleteRun(path: "A", steps: 0), .nothingCompared])
    #expect(comparison.steps.map(\.verdict) == [.missingInActual])
  }

  /// Also one of which nothing was received.
  @Test func stepThatOnlyBeganMakesTheRunIncomplete() throws {
    let expected = try run("B", calls)
    var replayer = Replayer(expected, expected, .init())
    try replayer.feed()
    replayer.live.receive(.stepBegan(1))
    let comparison = try replayer.finish()
    #expect(comparison.failures == [.incompleteRun(path: "B", steps: 1)])
    #expect(!comparison.isMatch)
  }

  /// Of steps that ended before, what is missing is missing.
  @Test func stoppedRunKeepsWhatEndedStepsLack() throws {
    var expected = try run("B", calls)
    try expected.add(step: 1, calls)
    let short: [Call] = [calls[0], ("m.b", [calls[2].tensors[0]])]
    var replayer = Replayer(try run("A", short), expected, .init())
    try replayer.feed()
    replayer.live.receive(.stepBegan(1))
    let comparison = try replayer.finish(.stopped)
    #expect(comparison.module("m.a")?.verdict == .missingInActual)
    #expect(comparison.tensor("m.b", "outputs")?.verdict == .missingInActual)
    #expect(comparison.summary.tensors.missingInActual == 3)
    #expect(comparison.firstDivergence?.call.module == "m.a")
  }

  /// A hook may see what a module gives, and not what it is given.
  @Test func stoppedRunKeepsOutputsWithoutInputs() throws {
    var expected = try run("B", calls)
    expected.add(try rows([7]), "m.a", "other")
    let live = LiveComparison(expected: expected)
    live.receive(.stepBegan(0))
    live.receive(.captured(part("m.b", .outputs, [try stored("outputs", 5, 9)])))
    let other = [try stored("outputs", 3, 4), try stored("outputs_x", 1)]
    live.receive(.captured(part("m.a", .outputs, other)))
    let comparison = try live.finish(path: "A", manifest: RunManifest(id: "a"), ending: .stopped)
    #expect(comparison.steps[0].modules.map(\.call.module) == ["m.a", "m.b"])
    #expect(
      comparison.module("m.a")?.tensors.map(\.verdict) == [.match, .missingInExpected])
    #expect(comparison.module("m.b")?.tensors.map(\.verdict) == [.values])
    #expect(comparison.firstDivergence?.call.module == "m.b")
    // In which order the calls of a step that did not end were made is not known.
    #expect(comparison.notes.allSatisfy { !$0.contains("different orders") })
    #expect(comparison.actual.manifest.isComplete)
  }

  /// A tensor of a name that tells no side stays where it was received.
  @Test func stoppedRunKeepsTensorsWithoutASide() throws {
    var expected = try run("B", calls)
    expected.add(try rows([7]), "m.a", "other")
    let live = LiveComparison(expected: expected)
    live.receive(.stepBegan(0))
    live.receive(.captured(part("m.a", .inputs, [try stored("other", 8)])))
    let comparison = try live.finish(path: "A", manifest: RunManifest(id: "a"), ending: .stopped)
    #expect(
      comparison.module("m.a")?.tensors.map(\.verdict) == [.missingInActual, .values])
  }

  /// Failing tensors have detail up to the limit, whatever else fails, in whatever order they came.
  @Test func tensorsWithoutFiguresTakeNoDetail() throws {
    let names = (0..<6).map { "m.\($0)" }
    let expected = try run("B", names.map { ($0, [("outputs", [1, 2])]) })
    var actual = InMemoryRun(path: "A")
    for (position, name) in names.enumerated() {
      actual.add(try position < 2 ? rows([1, 2, 3]) : rows([1, 3]), name, "outputs")
    }
    let options = ComparisonOptions(.init(), detailLimit: 3)
    let comparison = try compareLive(actual, expected, options)
    #expect(comparison.summary.tensors.mismatched == 6)
    let detailed = comparison.steps[0].modules.filter { $0.tensors[0].detail != nil }
    #expect(detailed.map(\.call.module) == ["m.2", "m.3", "m.4"])
    // No step was announced, and the last call came first.
    let live = LiveComparison(expected: expected, options: options)
    for name in names.reversed() {
      live.receive(.captured(part(name, .outputs, [try stored("outputs", 1, 3)])))
    }
    live.receive(
      .stepEnded(
        0, calls: names.map { CallKey(step: 0, module: $0) }, completionOrder: Array(0..<6)))
    let late = try live.finish(path: "A", manifest: RunManifest(id: "a"))
    #expect(
      late.steps[0].modules.filter { $0.tensors[0].detail != nil }.map(\.call.module)
        == ["m.0", "m.1", "m.2"])
  }

  /// Figures of tensors of another dtype have detail too.
  @Test func anotherDTypeHasDetail() throws {
    var actual = InMemoryRun(path: "A")
    actual.add(try Tensor([1.5, 2], dtype: .float64, shape: Shape([1, 2])), "a", "outputs")
    let comparison = try compareLive(actual, run("B", [("a", [("outputs", [1, 2])])]))
    let found = try #require(comparison.tensor("a", "outputs"))
    #expect(found.verdict == .dtype && found.detail?.quantiles != nil)
  }

  @Test func stoppedRunIsJudgedAsFarAsItGot() throws {
    var expected = try run("B", calls)
    try expected.add(step: 1, calls)
    try expected.add(step: 2, calls)
    var replayer = Replayer(expected, expected, .init())
    try replayer.feed([expected.steps[0]])
    replayer.live.receive(.stepBegan(1))
    replayer.live.receive(.captured(part("m", .inputs, [try stored("inputs_0", 1, 2)], step: 1)))
    replayer.live.receive(.captured(part("m.a", .inputs, [try stored("inputs_0", 1, 2)], step: 1)))
    replayer.live.receive(.captured(part("m.a", .outputs, [try stored("outputs", 3, 9)], step: 1)))
    let comparison = try replayer.finish(.stopped)
    #expect(!comparison.isMatch)
    #expect(comparison.failures.isEmpty)
    #expect(comparison.steps.map(\.index) == [0, 1])
    #expect(comparison.steps.map(\.verdict) == [.match, .mismatch])
    #expect(comparison.steps[1].modules.map(\.call.module) == ["m.a", "m"])
    #expect(comparison.summary.tensors.total == 9)
    #expect(comparison.summary.tensors.missingInActual == 0)
    #expect(comparison.firstDivergence?.call.module == "m.a")
    #expect(comparison.firstDivergence?.origin.cause == .introduced)
    #expect(comparison.notes.contains { $0.contains("stopped at its first divergence") })
  }

  @Test func stopAtAMissingTensorKeepsIt() throws {
    let live = LiveComparison(expected: try run("B", calls))
    live.receive(.stepBegan(0))
    #expect(!live.receive(.captured(part("m.a", .inputs, []))))
    let comparison = try live.finish(path: "A", manifest: RunManifest(id: "a"), ending: .stopped)
    #expect(comparison.summary.tensors.total == 1)
    #expect(comparison.tensor("m.a", "inputs_0")?.verdict == .missingInActual)
    #expect(comparison.failures == [.nothingCompared])
  }

  @Test func stoppedRunNeverMatches() throws {
    let expected = try run("B", calls)
    var replayer = Replayer(expected, expected, .init())
    try replayer.feed()
    let comparison = try replayer.finish(.stopped)
    #expect(!comparison.isMatch)
    #expect(comparison.failures == [.incompleteRun(path: "B", steps: 1)])
  }

  @Test func runThatRecordedNothingSaysWhy() throws {
    let live = LiveComparison(expected: try run("B", calls))
    let comparison = try live.finish(
      path: "A", manifest: RunManifest(id: "a"), ending: .nothing(reason: "no probe was called"))
    #expect(comparison.failures == [.nothingRecorded(reason: "no probe was called")])
    #expect(
      comparison.failures.first?.description
        == "nothing was recorded, so nothing was compared: no probe was called")
    #expect(comparison.summary.tensors.missingInActual == 6)
    #expect(!comparison.isMatch)
    let silent = try live.finish(path: "A", manifest: RunManifest(id: "a"))
    #expect(silent.failures == [.nothingCompared])
  }
}
