import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

/// Causes where a call was handed what no run shows, such as a key-value cache.
@Suite struct HandedStateTests {
  private static let object = CapturedValue.other(type: "Thing", representation: "Thing()")

  /// Attention whose inputs match and whose outputs do not in some steps; before it a module that
  /// was handed nothing hidden.
  private func run(
    _ path: String, steps: ClosedRange<Int>, wrong: Set<Int> = [], before: Set<Int> = [],
    coverage: InputCoverage
  ) throws -> InMemoryRun {
    var run = InMemoryRun(path: path)
    for step in steps {
      try run.add(
        step: step,
        [
          ("norm", [("inputs_0", [1, 1]), ("outputs", [before.contains(step) ? 3 : 2, 1])]),
          ("attn", [("inputs_0", [5, 1]), ("outputs", [wrong.contains(step) ? 7 : 6, 1])]),
          ("attn.o", [("inputs_0", [wrong.contains(step) ? 4 : 3, 1]), ("outputs", [1, 1])]),
        ])
      run.cover(step: step, "attn", coverage)
    }
    return run
  }

  private func cause(
    steps: ClosedRange<Int>, wrong: Set<Int>, before: Set<Int> = [], at step: Int,
    _ coverage: InputCoverage
  ) throws -> ErrorCause? {
    try compare(
      run("A", steps: steps, wrong: wrong, before: before, coverage: coverage),
      run("B", steps: steps, coverage: coverage)
    ).module("attn", step: step)?.origin?.cause
  }

  @Test func onlyALaterStepLeavesACacheUnknown() throws {
    #expect(try cause(steps: 1...2, wrong: [1], at: 1, .state) == .unknown)
    #expect(try cause(steps: 1...2, wrong: [1], at: 1, .filledState) == .unknown)
    #expect(try cause(steps: 1...2, wrong: [1], at: 1, .positional) == .unknown)
    #expect(try cause(steps: 1...2, wrong: [1], at: 1, .all) == .introduced)
  }

  @Test func emptyCacheOfTheFirstStepHidesNothing() throws {
    #expect(try cause(steps: 0...1, wrong: [0], at: 0, .state) == .introduced)
    #expect(try cause(steps: 0...1, wrong: [0], at: 0, .positional) == .introduced)
    #expect(try cause(steps: 0...1, wrong: [0], at: 0, .partial) == .unknown)
  }

  /// A recorder that was attached after the prefill calls the first decode step 0.
  @Test func cacheThatIsFilledInTheFirstStepIsUnknown() throws {
    #expect(try cause(steps: 0...1, wrong: [0], at: 0, .filledState) == .unknown)
    #expect(try cause(steps: 0...1, wrong: [1], at: 1, .filledState) == .unknown)
  }

  @Test func whatWasKeptBetweenStepsIsUnknown() throws {
    #expect(try cause(steps: 0...1, wrong: [1], at: 1, .state) == .unknown)
    #expect(try cause(steps: 0...1, wrong: [1], before: [0], at: 1, .state) == .unknown)
    // The module is known to make such an error.
    #expect(try cause(steps: 0...1, wrong: [0, 1], at: 1, .state) == .introduced)
  }

  @Test func missingStepBetweenLeavesTheCacheUnknown() throws {
    var (actual, expected) = (
      try run("A", steps: 0...0, coverage: .state), try run("B", steps: 0...0, coverage: .state)
    )
    for (module, slot, values) in [
      ("attn", "inputs_0", [5, 1]), ("attn", "outputs", [6, 1]),
    ] as [(String, String, [Float])] {
      expected.add(try rows(values), step: 2, module, slot)
      actual.add(try rows(slot == "outputs" ? [9, 1] : values), step: 2, module, slot)
    }
    actual.cover(step: 2, "attn", .state)
    #expect(try compare(actual, expected).module("attn", step: 2)?.origin?.cause == .unknown)
  }

  /// The description alone, as every recorder writes it, live and stored.
  @Test func opaqueArgumentLeavesTheCauseUnknown() throws {
    func run(_ path: String, _ output: Float, _ value: CapturedValue) throws -> InMemoryRun {
      var run = try AssayComparisonTests.run(
        path, [("attn", [("inputs_0", [1, 1]), ("outputs", [output])])])
      run.describe("attn", .inputs, .tuple([.tensor(try rows([1, 1])), value]))
      return run
    }
    func cause(_ value: CapturedValue) throws -> ErrorCause? {
      let (actual, expected) = (try run("A", 2, value), try run("B", 1, value))
      let stored = try compare(actual, expected).firstDivergence?.origin.cause
      let live = LiveComparison(expected: expected)
      live.receive(.stepBegan(0))
      for record in actual.steps[0].calls {
        for side in [Slot.Side.inputs, .outputs] {
          live.receive(
            .captured(
              CallPart(
                call: record.call, side: side, description: record.descriptions[side],
                tensors: try record.tensors.filter { $0.key.slot.side == side }
                  .map { .stored($0.key.slot, try actual.tensor($0.key)) })))
        }
      }
      live.receive(.stepEnded(0, calls: actual.steps[0].calls.map(\.call), completionOrder: [0]))
      let streamed = try live.finish(path: "live", manifest: actual.manifest)
      #expect(streamed.firstDivergence?.origin.cause == stored)
      return stored
    }
    #expect(try cause(Self.object) == .unknown)
    #expect(try cause(.other(type: "dtype", representation: "torch.float32")) == .introduced)
    #expect(try cause(.integer(3)) == .introduced)
  }

  @Test func oneSideThatKnowsLessDecides() throws {
    let comparison = try compare(
      run("A", steps: 0...0, wrong: [0], coverage: .all),
      run("B", steps: 0...0, coverage: .partial))
    #expect(comparison.module("attn")?.origin?.cause == .unknown)
    #expect(comparison.module("attn")?.origin?.inputCoverage == .partial)
  }
}
