import AssayBase
import AssayCapture
import AssayComparison
import AssayReplay
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

/// What a replay comes to, cell by cell.
@Suite struct ReplayTests {
  private let directory: TemporaryDirectory
  private let golden: any RunReader

  init() throws {
    directory = try TemporaryDirectory()
    golden = try recordGolden(in: directory)
  }

  private func replay(
    _ options: ReplayOptions = .init(), _ body: (Probe) throws -> Void
  ) throws -> RunComparison {
    try Replay.run(golden, options: options, body)
  }

  @Test func sameModelMatchesAndEverythingIsCompared() throws {
    let comparison = try replay { try Chain().run(inputs, $0) }
    #expect(comparison.isMatch)
    #expect(comparison.failures.isEmpty && comparison.notes.isEmpty)
    // Two steps of four modules with an input and an output of three elements.
    #expect(comparison.summary.tensors.compared == 16)
    #expect(comparison.summary.elements.compared == 48)
    #expect(comparison.expected.path == golden.path)
    #expect(comparison.actual.manifest.isComplete)
  }

  @Test func asynchronousModelMatches() async throws {
    let comparison = try await Replay.run(golden) { probe in
      await Task.yield()
      try Chain().run(inputs, probe)
    }
    #expect(comparison.isMatch && comparison.summary.tensors.compared == 16)
  }

  @Test func asynchronousModelsErrorIsThrown() async throws {
    await #expect(throws: ModelError()) {
      try await Replay.run(golden) { _ in
        await Task.yield()
        throw ModelError()
      }
    }
  }

  @Test func goldenTellsTheModelItsTokens() throws {
    var tokens: [Int] = []
    _ = try replay { probe in
      tokens = try probe.recipe.tokenIDs
      try Chain().run(inputs, probe)
    }
    #expect(tokens == [7, 8])
  }

  @Test func divergenceNamesTheModuleThatIntroducedIt() throws {
    let comparison = try replay { try Chain(factors: [2, 3.5, 5]).run(inputs, $0) }
    #expect(!comparison.isMatch)
    #expect(comparison.firstDivergence?.call.module == "model.layers.1")
    #expect(comparison.introduced.map(\.module) == ["model.layers.1", "model.layers.1"])
    #expect(comparison.summary.steps.mismatched == 2)
  }

  @Test func nothingComparedIsNoMatch() throws {
    let nothing: [(String, (Probe) throws -> Void)] = [
      ("no step was run", { _ in }),
      ("the model announced no module call", { probe in try probe.step {} }),
      (
        "the recorded module calls had no tensors",
        { probe in try probe.step { _ = try probe("model", 1) { $0 + 1 } } }
      ),
      (
        // A forward that failed, and whose error the model kept to itself.
        "no step was run",
        { probe in
          try? probe.step {
            _ = try probe("model", Chain().vector([1])) { $0 }
            throw ModelError()
          }
        }
      ),
    ]
    for (reason, body) in nothing {
      let comparison = try replay { try body($0) }
      #expect(!comparison.isMatch)
      #expect(comparison.failures.contains(.nothingRecorded(reason: reason)), "\(reason)")
    }
  }

  @Test func emptyGoldenIsNoMatch() throws {
    var empty = InMemoryRun(path: "empty")
    empty.begin("model")
    let comparison = try Replay.run(empty) { probe in
      try probe.step { _ = try probe("model", 1) { $0 } }
    }
    #expect(!comparison.isMatch)
    let other = try Replay.run(InMemoryRun(path: "empty")) { _ in }
    #expect(!other.isMatch)
  }

  @Test func goldenWithoutElementsIsNoMatch() throws {
    let golden = try recordGolden(
      in: directory, name: "skipped", capturing: everyStep { $0.maxTensorSize = 0 })
    let comparison = try Replay.run(golden) { try Chain().run(inputs, $0) }
    #expect(!comparison.isMatch)
    #expect(comparison.failures.contains(.nothingCompared))
  }

  @Test func incompleteGoldenIsNoMatch() throws {
    var cut = InMemoryRun(path: "cut", isComplete: false)
    cut.add(try Chain().vector([1]), "model", "outputs")
    let comparison = try Replay.run(cut) { probe in
      try probe.step { _ = try probe("model") { try Chain().vector([1]) } }
    }
    #expect(!comparison.isMatch)
    #expect(comparison.failures == [.incompleteRun(path: "cut", steps: 1)])
  }

  @Test func extraStepIsNoMatch() throws {
    let comparison = try replay { try Chain().run(inputs + [[7, 8, 9]], $0) }
    #expect(!comparison.isMatch)
    #expect(comparison.failures.contains(.extraSteps(ran: 3, expected: 2)))
    #expect(comparison.steps.map(\.verdict) == [.match, .match, .missingInExpected])
  }

  /// Of a golden of step 0 only, further steps are not captured but counted.
  @Test func extraStepBehindTheRecordedOnesIsNoMatch() throws {
    let golden = try recordGolden(
      in: directory, name: "first", capturing: everyStep { $0.steps = [0] })
    #expect(try Replay.run(golden) { try Chain().run(inputs, $0) }.isMatch)
    let comparison = try Replay.run(golden) { try Chain().run(inputs + inputs, $0) }
    #expect(!comparison.isMatch)
    #expect(comparison.failures == [.extraSteps(ran: 4, expected: 2)])
  }

  /// The steps that a golden lists may be all that its recipe has: then one more is seen.
  @Test func stepsThatAreAllStepsSeeAnExtraOne() throws {
    let golden = try recordGolden(
      in: directory, name: "listed", capturing: everyStep { $0.steps = [0, 1] })
    #expect(try Replay.configuration(for: golden).steps.isEmpty)
    let comparison = try Replay.run(golden) { try Chain().run(inputs + [[7, 8, 9]], $0) }
    #expect(comparison.steps.map(\.verdict) == [.match, .match, .missingInExpected])
  }

  /// A recipe that counts fewer steps than were recorded is wrong, not the model.
  @Test func recipeDoesNotMakeRecordedStepsExtra() throws {
    let golden = try recordGolden(in: directory, name: "short", steps: 1)
    #expect(try Replay.run(golden) { try Chain().run(inputs, $0) }.isMatch)
  }

  @Test func extraStepIsSeenWithoutARecipe() throws {
    let golden = try recordGolden(in: directory, name: "bare", steps: nil)
    let comparison = try Replay.run(golden) { try Chain().run(inputs + inputs, $0) }
    #expect(comparison.failures.contains(.extraSteps(ran: 4, expected: 2)))
  }

  @Test func missingStepIsNoMatch() throws {
    let comparison = try replay { try Chain().run([inputs[0]], $0) }
    #expect(!comparison.isMatch)
    #expect(comparison.steps.map(\.verdict) == [.match, .missingInActual])
  }

  @Test func missingAndExtraModulesAreNoMatch() throws {
    let missing = try replay { try Chain(factors: [2, 15]).run(inputs, $0) }
    #expect(!missing.isMatch)
    let extra = try replay { try Chain(factors: [2, 3, 5, 1]).run(inputs, $0) }
    #expect(!extra.isMatch)
    let verdicts = { (run: RunComparison) in
      run.steps[0].modules.filter { $0.verdict != .match }.map { "\($0.call.module) \($0.verdict)" }
    }
    #expect(
      verdicts(missing) == [
        "model.layers.1 mismatch", "model.layers.2 missingInActual",
      ])
    #expect(verdicts(extra) == ["model.layers.3 missingInExpected"])
  }

  @Test func otherDTypeIsNoMatch() throws {
    let comparison = try replay { try Chain(dtype: .float64).run(inputs, $0) }
    #expect(!comparison.isMatch)
    #expect(comparison.steps[0].modules[0].tensors[0].verdict == .dtype)
  }

  @Test func otherShapeIsNoMatch() throws {
    let comparison = try replay { try Chain().run([[1, 2], [4, 5]], $0) }
    #expect(!comparison.isMatch)
    #expect(comparison.steps[0].modules[0].tensors[0].verdict == .shape)
  }

  @Test func notANumberIsNoMatch() throws {
    let comparison = try replay { try Chain(factors: [2, .nan, 5]).run(inputs, $0) }
    #expect(comparison.firstDivergence?.call.module == "model.layers.1")
    // Not even where the golden has one too.
    let golden = try recordGolden(in: directory, name: "nan") { probe in
      try Chain(factors: [2, .nan, 5]).run(inputs, probe)
    }
    let same = try Replay.run(golden) { try Chain(factors: [2, .nan, 5]).run(inputs, $0) }
    #expect(!same.isMatch)
  }

  @Test func modelsErrorIsThrown() throws {
    #expect(throws: ModelError()) {
      try replay { probe in
        try Chain().run(inputs, probe)
        throw ModelError()
      }
    }
  }

  /// The step that failed leaves nothing behind, and the next one takes its number.
  @Test func stepThatFailsMayRunAgain() throws {
    let comparison = try replay { probe in
      try? probe.step {
        _ = try probe("model", Chain().vector([9, 9, 9])) { $0 }
        throw ModelError()
      }
      try Chain().run(inputs, probe)
    }
    #expect(comparison.isMatch && comparison.summary.tensors.compared == 16)
  }

  @Test func stepUnderWayAtTheEndIsAnError() throws {
    let replay = try Replay(golden: golden)
    try replay.probe.step { () -> Void in
      #expect(throws: CaptureError.stepUnderWay(step: 0)) { try replay.finish() }
    }
  }

  @Test func replayEndsOnce() throws {
    let replay = try Replay(golden: golden)
    try Chain().run(inputs, replay.probe)
    #expect(try replay.finish().isMatch)
    #expect(throws: ReplayError.finished) { try replay.finish() }
    #expect(throws: CaptureError.finished) { try Chain().run(inputs, replay.probe) }
  }

  @Test func provenanceOfTheModelIsKept() throws {
    let replay = try Replay(golden: golden)
    try Chain().run(inputs, replay.probe)
    let provenance = Provenance(tool: "port", toolVersion: "1", created: "now")
    #expect(try replay.finish(provenance: provenance).actual.manifest.provenance == provenance)
  }

  @Test func onlyWhatWasRecordedIsCompared() throws {
    let pattern = try ModuleFilter.Rule(#"layers\.1"#)
    let golden = try recordGolden(
      in: directory, name: "filtered",
      capturing: everyStep { $0.modules = ModuleFilter(rules: [pattern]) })
    let comparison = try Replay.run(golden) { try Chain().run(inputs, $0) }
    #expect(comparison.isMatch && comparison.summary.tensors.compared == 4)
  }

  @Test func goldenOfADisabledConfigurationIsReplayed() throws {
    var run = InMemoryRun(path: "off")
    run.add(try Chain().vector([1]), "model", "outputs")
    run.manifest.configuration = .object(["enabled": .bool(false)])
    let comparison = try Replay.run(run) { probe in
      try probe.step { _ = try probe("model") { try Chain().vector([2]) } }
    }
    #expect(!comparison.isMatch && comparison.summary.tensors.compared == 1)
  }

  @Test func configurationThatCannotBeReadIsAnError() throws {
    var run = InMemoryRun(path: "odd")
    run.manifest.configuration = .object(["modules": .null])
    #expect(throws: CaptureError.self) { try Replay(golden: run) }
  }

  @Test func unreadableGoldenTensorIsNoMatch() throws {
    var run = InMemoryRun(path: "gone")
    run.add(nil, "model", "outputs")
    run.add(try Chain().vector([1]), "model.norm", "outputs")
    let comparison = try Replay.run(run) { probe in
      try probe.step {
        _ = try probe("model") { try probe("model.norm") { try Chain().vector([1]) } }
      }
    }
    #expect(!comparison.isMatch && comparison.summary.tensors.unreadable == 1)
  }
}
