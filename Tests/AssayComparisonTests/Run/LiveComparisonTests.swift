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
    live.receive(.stepBegan(0))
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
