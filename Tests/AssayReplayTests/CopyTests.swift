import AssayCapture
import AssayComparison
import AssayReplay
import AssayRuns
import AssayTensors
import Foundation
import Testing

/// Writing what a replay captures, to take a golden's place.
@Suite struct CopyTests {
  private let directory: TemporaryDirectory
  private let golden: any RunReader

  init() throws {
    directory = try TemporaryDirectory()
    golden = try recordGolden(in: directory)
  }

  private func replay(
    to name: String = "copy", _ options: ReplayOptions = .init()
  ) throws -> Replay {
    let manifest = RunManifest(id: "draft", isComplete: false)
    return try Replay(
      golden: golden, options: options,
      copyingTo: GoldenFile(path: directory.path + "/\(name).h5").writer(manifest: manifest))
  }

  @Test(arguments: [[2, 3, 5], [2, 3.5, 5]] as [[Float]])
  func copyIsTheRun(_ factors: [Float]) throws {
    let replay = try replay()
    try Chain(factors: factors).run(inputs, replay.probe)
    let comparison = try replay.finish()
    #expect(comparison.isMatch == (factors == [2, 3, 5]))
    #expect(!directory.names.contains("copy.h5"))
    try replay.commitCopy { $0.provenance?.framework = "Chain" }
    #expect(directory.names == ["copy.h5", "golden.h5"])
    let copy = try HDF5RunReader(path: directory.path + "/copy.h5")
    #expect(copy.manifest.isComplete)
    #expect(copy.manifest.recipe == golden.manifest.recipe)
    #expect(copy.manifest.provenance?.framework == "Chain")
    #expect(copy.manifest.configuration == golden.manifest.configuration)
    #expect(![golden.manifest.id, "draft"].contains(copy.manifest.id))
    let second = try Replay.run(copy) { try Chain(factors: factors).run(inputs, $0) }
    #expect(second.isMatch && second.summary.tensors.compared == 16)
  }

  @Test func copyTakesTheGoldensPlaceOnlyWhenCommitted() throws {
    let before = try Data(contentsOf: URL(filePath: golden.path))
    let replay = try replay(to: "golden")
    try Chain(factors: [1]).run(inputs, replay.probe)
    _ = try replay.finish()
    #expect(try Data(contentsOf: URL(filePath: golden.path)) == before)
    try replay.commitCopy()
    let copy = try HDF5RunReader(path: golden.path)
    #expect(copy.manifest.id != golden.manifest.id && copy.steps[0].calls.count == 2)
  }

  /// The copy must be whole, so the model runs to its end.
  @Test func copiedReplayIsNotStopped() throws {
    var options = ReplayOptions()
    options.stopsAtFirstDivergence = true
    let replay = try replay(to: "copy", options)
    try Chain(factors: [4, 3, 5]).run(inputs, replay.probe)
    #expect(try replay.finish().summary.tensors.compared == 16)
    try replay.commitCopy()
  }

  @Test func copyThatIsNotCommittedLeavesNothing() throws {
    do {
      let replay = try replay()
      try Chain().run(inputs, replay.probe)
      _ = try replay.finish()
    }
    #expect(directory.names == ["golden.h5"])
    let replay = try replay()
    try Chain().run(inputs, replay.probe)
    _ = try replay.finish()
    replay.discardCopy()
    #expect(directory.names == ["golden.h5"])
    #expect(throws: ReplayError.noCopy) { try replay.commitCopy() }
  }

  @Test func modelThatThrowsLeavesNothing() throws {
    let replay = try replay()
    // A model may hold on to its probe.
    let probe = replay.probe
    try Chain().run(inputs, probe)
    #expect(throws: ModelError()) { try replay.finish(after: ModelError()) }
    #expect(directory.names == ["golden.h5"])
    #expect(throws: ReplayError.incompleteCopy(reason: "the replay failed")) {
      try replay.commitCopy()
    }
    withExtendedLifetime(probe) {}
  }

  @Test func emptyReplayIsNotCopied() throws {
    let replay = try replay()
    try replay.probe.step {}
    let reason = "the model announced no module call"
    #expect(try replay.finish().failures.contains(.nothingRecorded(reason: reason)))
    #expect(throws: ReplayError.incompleteCopy(reason: "nothing was recorded: \(reason)")) {
      try replay.commitCopy()
    }
    #expect(directory.names == ["golden.h5"])
  }

  @Test func copyIsCommittedOnceAndAfterTheEnd() throws {
    let replay = try replay()
    #expect(throws: ReplayError.notFinished) { try replay.commitCopy() }
    try Chain().run(inputs, replay.probe)
    _ = try replay.finish()
    try replay.commitCopy()
    #expect(throws: ReplayError.noCopy) { try replay.commitCopy() }
    let other = try Replay(golden: golden)
    try Chain().run(inputs, other.probe)
    _ = try other.finish()
    #expect(throws: ReplayError.noCopy) { try other.commitCopy() }
  }

  @Test func isolatedReplayIsNotCopied() throws {
    var options = ReplayOptions()
    options.isIsolated = true
    #expect(throws: ReplayError.isolatedCopy) { try replay(to: "copy", options) }
    #expect(directory.names == ["golden.h5"])
  }

  /// A writer that fails, as on a full disk.
  private final class FullDisk: RunSink {
    static let failure = RunError.writeFailed(path: "full", reason: "no space left on device")
    func receive(_ event: RunEvent) throws {
      if case .captured = event { throw FullDisk.failure }
    }
  }

  @Test func fullDiskIsAnErrorEvenIfTheModelKeepsItToItself() throws {
    let replay = try Replay(golden: golden, copyingTo: FullDisk())
    #expect(throws: FullDisk.failure) {
      do {
        try Chain().run(inputs, replay.probe)
      } catch {
        _ = try replay.finish(after: error)
      }
    }
    let other = try Replay(golden: golden, copyingTo: FullDisk())
    for input in inputs { _ = try? Chain()(input, other.probe) }
    #expect(throws: (any Error).self) {
      let comparison = try other.finish()
      if !comparison.isMatch { throw ModelError() }
    }
  }
}
