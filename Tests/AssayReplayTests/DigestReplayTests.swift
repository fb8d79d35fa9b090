import AssayBase
import AssayCapture
import AssayComparison
import AssayReplay
import AssayRuns
import AssayTensors
import Foundation
import Testing

/// Replaying against goldens that keep digests.
@Suite(.serialized) struct DigestReplayTests {
  private let directory: TemporaryDirectory
  private let inputs = (0..<2).map { step in (0..<400).map { Float(($0 * 7 + step) % 31) - 12 } }

  init() throws { directory = try TemporaryDirectory() }

  private func golden(_ keep: TensorKeep) throws -> any RunReader {
    try recordGolden(in: directory, capturing: everyStep { $0.keep = keep }) {
      try Chain().run(inputs, $0)
    }
  }

  private func options(_ change: (inout ReplayOptions) -> Void = { _ in }) throws -> ReplayOptions {
    var options = ReplayOptions()
    options.tolerance = try Tolerance(rtol: 1e-3, atol: 1e-4)
    change(&options)
    return options
  }

  private func replay(_ golden: any RunReader, _ chain: Chain) throws -> RunComparison {
    try Replay.run(golden, options: options()) {
      try chain.run(inputs, $0)
    }
  }

  @Test(arguments: [TensorKeep.digest, .sample]) func digestsAreRecordedAndReplayed(
    _ keep: TensorKeep
  ) throws {
    let golden = try golden(keep)
    #expect(golden.digestCount == 16)
    #expect(golden.manifest.configuration?.members?["keep"] == .string(keep.rawValue))
    let same = try replay(golden, Chain())
    #expect(same.isMatch && same.summary.tensors.compared == 16)
    #expect(same.summary.tensors.estimated == 0)
    let wrong = try replay(golden, Chain(factors: [2, 3.1, 5]))
    #expect(!wrong.isMatch)
    #expect(wrong.firstDivergence?.call.module == "model.layers.1")
    #expect(wrong.firstDivergence?.origin.cause == .introduced)
    let error = try #require(wrong.firstDivergence?.origin.outputError)
    #expect((error * 30 - 1).magnitude < 0.25)
  }

  @Test func aCopyKeepsWhatTheGoldenKeeps() throws {
    let golden = try golden(.digest)
    let copy = GoldenFile(path: directory.path + "/copy.h5")
    let replay = try Replay(
      golden: golden, options: options(),
      copyingTo: copy.writer(manifest: RunManifest(id: "draft", isComplete: false)))
    try Chain(factors: [2, 3, 7]).run(inputs, replay.probe)
    #expect(try !replay.finish().isMatch)
    try replay.commitCopy()
    let reader = try copy.open()
    #expect(reader.digestCount == 16)
    #expect(try self.replay(reader, Chain(factors: [2, 3, 7])).isMatch)
  }

  @Test func isolationNeedsTheElements() throws {
    let golden = try golden(.digest)
    #expect(throws: ReplayError.isolatedDigests(path: golden.path, count: 16)) {
      try Replay(golden: golden, options: options { $0.isIsolated = true })
    }
    #expect(throws: ReplayError.self) {
      try ModuleReplay.compare(golden: golden, matching: ModulePattern("layers.0")) { try $0[0] }
    }
  }

  @Test func candidatesOfDigestsAreApproved() throws {
    let candidate = try golden(.digest)
    let file = GoldenFile(path: directory.path + "/approved.h5")
    try file.approve(candidate, approval: Approval(by: "Ada", to: "", reason: nil))
    let approved = try file.open()
    #expect(approved.digestCount == 16)
    #expect(try replay(approved, Chain()).isMatch)
  }
}
