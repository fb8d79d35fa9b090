import AssayComparison
import AssayReplay
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Foundation
import Testing

/// Replays against a file of chosen tensors, which has a few stages of the model.
@Suite struct FixtureGoldenTests {
  /// The outputs of two of four modules in step 0, computed by hand.
  private func fixture(
    _ change: (inout [String: [Float]]) -> Void = { _ in }, device: Device = .cpu
  ) throws -> any RunReader {
    var stages: [String: [Float]] = ["model.layers.0": [2, 4, 6], "model": [30, 60, 90]]
    change(&stages)
    var run = InMemoryRun(path: "stages.npz")
    run.manifest.isFixture = true
    for (module, values) in stages.sorted(by: { $0.key < $1.key }) {
      let tensor = try Tensor(values, dtype: .float32, device: device)
      run.add(tensor, module, "outputs", device: device)
    }
    return run
  }

  private func note(_ count: Int, of all: Int) -> String {
    "the expected run is a fixture, which has chosen tensors only: \(count) of the \(all) tensors "
      + "of the actual run were not held to anything"
  }

  @Test func onlyItsStagesAreComparedAndTheRestIsCounted() throws {
    let comparison = try Replay.run(fixture()) { try Chain().run(inputs, $0) }
    #expect(comparison.isMatch)
    #expect(comparison.summary.tensors.total == 2 && comparison.summary.tensors.compared == 2)
    // Two steps of four modules with an input and an output, of which two are compared.
    #expect(comparison.notes.contains(note(14, of: 16)), "\(comparison.notes)")
  }

  @Test func aStageThatDiffersFailsAndNothingIsBlamed() throws {
    let comparison = try Replay.run(fixture { $0["model.layers.0"] = [2, 4, 7] }) {
      try Chain().run(inputs, $0)
    }
    #expect(!comparison.isMatch)
    #expect(comparison.firstDivergence?.call.module == "model.layers.0")
    #expect(comparison.firstDivergence?.origin.cause == .unknown)
    #expect(comparison.introduced.isEmpty)
  }

  @Test func aStageThatTheModelLacksIsMissing() throws {
    let comparison = try Replay.run(fixture { $0["model.layers.7"] = [1, 2, 3] }) {
      try Chain().run(inputs, $0)
    }
    #expect(!comparison.isMatch && comparison.summary.tensors.missingInActual == 1)
    #expect(comparison.summary.tensors.missingInExpected == 0)
  }

  @Test func namesThatNothingHasInCommonAreNoMatch() throws {
    let other = try Replay.run(fixture { $0 = ["encoder.0": [1]] }) {
      try Chain().run(inputs, $0)
    }
    #expect(!other.isMatch && other.summary.tensors.compared == 0)
    let empty = try Replay.run(fixture { $0 = [:] }) { try Chain().run(inputs, $0) }
    #expect(!empty.isMatch && empty.failures.contains(.nothingCompared))
  }

  @Test func anotherDeviceIsAFailureUntilItIsMapped() throws {
    let model = Chain(device: Device("mps"))
    let comparison = try Replay.run(fixture()) { try model.run(inputs, $0) }
    #expect(!comparison.isMatch)
    // Both show, so that a reader sees why.
    #expect(comparison.summary.tensors.missingInActual == 2)
    #expect(comparison.summary.tensors.missingInExpected == 2)
    var options = ReplayOptions()
    options.deviceMap = [(actual: Device("mps"), expected: .cpu)]
    let mapped = try Replay.run(fixture(), options: options) { try model.run(inputs, $0) }
    #expect(mapped.isMatch && mapped.summary.tensors.compared == 2)
  }

  @Test func theModelIsStoppedByAStageAndByNothingElse() throws {
    var options = ReplayOptions()
    options.stopsAtFirstDivergence = true
    let whole = try Replay.run(fixture(), options: options) { try Chain().run(inputs, $0) }
    #expect(whole.isMatch && whole.summary.tensors.compared == 2)
    let stopped = try Replay.run(fixture { $0["model.layers.0"] = [0, 0, 0] }, options: options) {
      try Chain().run(inputs, $0)
    }
    #expect(!stopped.isMatch && stopped.summary.tensors.compared == 1)
  }

  @Test func aMappingPairsItsNames() throws {
    var options = ReplayOptions()
    options.mapping = try Mapping(
      yaml: #"""
        version: 1
        rules:
          - actual: 'model\.layers\.(\d+)'
            expected: 'stage_\1'
          - actual: model
            expected: final
        """#, source: "names.yml")
    let stages: [String: [Float]] = ["stage_0": [2, 4, 6], "final": [30, 60, 90]]
    let comparison = try Replay.run(fixture { $0 = stages }, options: options) {
      try Chain().run(inputs, $0)
    }
    #expect(comparison.isMatch, "\(comparison.failures)")
    #expect(comparison.summary.tensors.compared == 2)
    #expect(comparison.notes.contains(note(14, of: 16)), "\(comparison.notes)")
  }

  @Test func noModuleIsJudgedByItselfOnInputsThatAreNotThere() throws {
    var options = ReplayOptions()
    options.isIsolated = true
    #expect(throws: ReplayError.isolatedFixture(path: "stages.npz")) {
      try Replay.run(fixture(), options: options) { try Chain().run(inputs, $0) }
    }
  }

  @Test func noGoldenIsWrittenOverAFixtureNorBesideIt() throws {
    let directory = try TemporaryDirectory()
    let candidate = try recordGolden(in: directory, name: "candidate")
    let fixture = directory.path + "/x.npz"
    #expect(throws: ReplayError.fixtureGolden(path: fixture)) {
      try GoldenFile(path: fixture).approve(candidate, approval: Approval(to: "x"))
    }
    try Data("x".utf8).write(to: URL(filePath: fixture))
    let golden = GoldenFile(path: directory.path + "/x.h5")
    #expect(throws: ReplayError.severalGoldens(paths: [golden.path, fixture])) {
      try golden.approve(candidate, approval: Approval(to: "x"))
    }
    #expect(!golden.exists)
    try FileManager.default.removeItem(atPath: fixture)
    try golden.approve(candidate, approval: Approval(to: "x"))
    #expect(golden.exists)
  }
}
