import AssayCapture
import AssayComparison
import AssayReplay
import AssayRuns
import AssayTensors
import Testing

/// Stopping a model at its first divergence.
@Suite struct StoppingTests {
  private let directory: TemporaryDirectory
  private let golden: any RunReader
  private var options = ReplayOptions()
  private let broken = Chain(factors: [2, 3.5, 5])

  init() throws {
    directory = try TemporaryDirectory()
    golden = try recordGolden(in: directory)
    options.stopsAtFirstDivergence = true
  }

  private func expectStopped(_ comparison: RunComparison) {
    #expect(!comparison.isMatch)
    #expect(comparison.firstDivergence?.call.module == "model.layers.1")
    #expect(comparison.steps.map(\.index) == [0])
    // The inputs of the parent and of two layers, and what these two returned.
    #expect(comparison.summary.tensors.compared == 5)
  }

  @Test func modelIsStoppedAndOnlyWhatWasReachedIsJudged() throws {
    var stepCount = 0
    let comparison = try Replay.run(golden, options: options) { probe in
      for input in inputs {
        _ = try broken(input, probe)
        stepCount += 1
      }
    }
    #expect(stepCount == 0)
    expectStopped(comparison)
  }

  @Test func modelThatMatchesIsNotStopped() throws {
    let comparison = try Replay.run(golden, options: options) { try Chain().run(inputs, $0) }
    #expect(comparison.isMatch && comparison.summary.tensors.compared == 16)
  }

  @Test func modelThatKeepsTheStopToItselfDoesNotMatch() throws {
    let comparison = try Replay.run(golden, options: options) { probe in
      for input in inputs { _ = try? broken(input, probe) }
    }
    expectStopped(comparison)
  }

  @Test func errorAfterTheStopIsNoted() throws {
    let comparison = try Replay.run(golden, options: options) { probe in
      do {
        try broken.run(inputs, probe)
      } catch {
        throw ModelError()
      }
    }
    expectStopped(comparison)
    #expect(comparison.notes.contains { $0.contains("ModelError()") })
  }

  /// Even where the model fails by itself before it hears of the stop.
  @Test func divergenceBeforeAnErrorIsSeen() throws {
    for _ in 0..<20 {
      let comparison = try Replay.run(golden, options: options) { probe in
        try probe.step {
          _ = try probe("model.layers.0", Chain().vector([1, 2, 4])) { $0 }
          throw ModelError()
        }
      }
      #expect(!comparison.isMatch && comparison.firstDivergence != nil)
    }
  }

  @Test func missingModuleStopsAtTheStepsEnd() throws {
    var stepCount = 0
    let comparison = try Replay.run(golden, options: options) { probe in
      for input in inputs {
        try probe.step {
          _ = try probe("model.layers.0", Chain().vector(input)) {
            try Chain().map($0) { $0 * 2 }
          }
        }
        stepCount += 1
      }
    }
    #expect(stepCount == 0 && !comparison.isMatch)
  }

  @Test func nothingAtAllIsStillNoMatch() throws {
    let comparison = try Replay.run(golden, options: options) { _ in }
    #expect(comparison.failures.contains(.nothingRecorded(reason: "no step was run")))
  }
}
