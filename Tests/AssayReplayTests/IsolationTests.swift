import AssayCapture
import AssayComparison
import AssayReplay
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

/// Replays in which every module is given the golden's inputs, and of goldens of other devices.
@Suite struct IsolationTests {
  private let directory: TemporaryDirectory
  private let golden: any RunReader
  private var isolated = ReplayOptions()

  init() throws {
    directory = try TemporaryDirectory()
    golden = try recordGolden(in: directory)
    isolated.isIsolated = true
  }

  private func failing(_ comparison: RunComparison) -> [String] {
    comparison.steps.flatMap { step in
      step.modules.filter(\.verdict.isFailure).map { "\(step.index) \($0.call.module)" }
    }
  }

  @Test func sameModelMatches() throws {
    let comparison = try Replay.run(golden, options: isolated) { try Chain().run(inputs, $0) }
    #expect(comparison.isMatch && comparison.summary.tensors.compared == 16)
    #expect(comparison.options.isIsolated)
  }

  @Test func onlyTheBrokenModuleFails() throws {
    let comparison = try Replay.run(golden, options: isolated) {
      try Chain(factors: [2.5, 3, 5]).run(inputs, $0)
    }
    #expect(failing(comparison) == ["0 model.layers.0", "1 model.layers.0"])
    #expect(comparison.introduced.count == 2)
    // Without isolation, all that follow fail as well.
    let whole = try Replay.run(golden) { try Chain(factors: [2.5, 3, 5]).run(inputs, $0) }
    #expect(failing(whole).count == 8)
  }

  /// What the parent does wrong shows at its next child.
  @Test func parentsOwnErrorShowsAtItsNextChild() throws {
    let comparison = try Replay.run(golden, options: isolated) {
      try Chain(between: 1).run(inputs, $0)
    }
    #expect(failing(comparison) == ["0 model.layers.1", "1 model.layers.1"])
    #expect(comparison.introduced.isEmpty)
  }

  @Test func goldenOfAnotherDeviceIsReplayedUnderAMap() throws {
    let device = Device("cuda:0")
    let golden = try recordGolden(
      in: directory, name: "cuda", capturing: everyStep { $0.devices = [device] }
    ) { probe in try Chain(device: device).run(inputs, probe) }
    for isIsolated in [false, true] {
      var options = ReplayOptions()
      options.isIsolated = isIsolated
      let without = try Replay.run(golden, options: options) { try Chain().run(inputs, $0) }
      #expect(!without.isMatch)
      options.deviceMap = [(actual: .cpu, expected: device)]
      let with = try Replay.run(golden, options: options) { try Chain().run(inputs, $0) }
      #expect(with.isMatch && with.summary.tensors.compared == 16)
      let broken = try Replay.run(golden, options: options) {
        try Chain(factors: [2.5, 3, 5]).run(inputs, $0)
      }
      #expect(failing(broken).count == (isIsolated ? 2 : 8))
    }
  }

  @Test func deviceMapThatMatchesNothingIsNoMatch() throws {
    var options = ReplayOptions()
    options.deviceMap = [(actual: .cpu, expected: Device("cuda:0"))]
    let comparison = try Replay.run(golden, options: options) { try Chain().run(inputs, $0) }
    #expect(!comparison.isMatch)
    #expect(
      comparison.failures.contains(
        .deviceMatchesNothing(device: "cuda:0", entry: "cpu=cuda:0", isActual: false)))
  }

  /// Which of the golden's tensors would stand for the model's cannot be told.
  @Test func inputOnSeveralOtherDevicesIsAnError() throws {
    var run = InMemoryRun(path: "spread")
    let devices = ["cuda:0", "cuda:1"].map { Device($0) }
    for device in devices {
      run.add(try Chain(device: device).vector([1]), "model", "inputs_0", device: device)
    }
    let call = CallKey(step: 0, module: "model", index: 0)
    #expect(
      throws: ReplayError.ambiguousDevice(call, slot: Slot("inputs_0"), devices: devices)
    ) {
      try Replay.run(run, options: isolated) { probe in
        try probe.step { _ = try probe("model", Chain().vector([1])) { $0 } }
      }
    }
  }

  @Test func goldenOfAnotherDeviceWithoutAMapIsExplained() throws {
    let golden = try recordGolden(in: directory, name: "cuda") { probe in
      try Chain(device: Device("cuda:0")).run(inputs, probe)
    }
    let comparison = try Replay.run(golden) { try Chain().run(inputs, $0) }
    #expect(!comparison.isMatch)
    #expect(comparison.notes.contains { $0.contains("are on cuda:0 and the model's on cpu") })
  }

  @Test func skippedTensorsOfTheGoldenAreNoted() throws {
    let golden = try recordGolden(
      in: directory, name: "mixed", capturing: everyStep { $0.maxTensorSize = 3 }
    ) { probe in
      _ = try Chain()([1, 2, 3], probe)
      _ = try Chain()([1, 2, 3, 4], probe)
    }
    let comparison = try Replay.run(golden, options: isolated) { probe in
      _ = try Chain()([1, 2, 3], probe)
      _ = try Chain()([1, 2, 3, 4], probe)
    }
    #expect(comparison.isMatch && comparison.summary.tensors.skipped == 8)
    #expect(comparison.notes.contains { $0.contains("the elements of 8 tensors") })
  }
}
