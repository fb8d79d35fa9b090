import AssayBase
import AssayCapture
import AssayRuns
import AssayTensors
import Foundation
import Testing

/// A path in the temporary directory, emptied when the value goes.
final class TemporaryDirectory: Sendable {
  let path = FileManager.default.temporaryDirectory.path + "/assay-\(UUID().uuidString)"

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Records to disk, in both layouts, and reads it back.
@Suite struct RecordingTests {
  let temporary = TemporaryDirectory()
  var directory: String { temporary.path }

  private func forward(_ probe: Probe, _ x: Tensor, fails: Bool = false) throws {
    struct Failed: Error {}
    _ = try probe("model", Keyword("ids", x), Keyword("cache", nil as Tensor?)) { ids, _ in
      let inner = probe.scope("model")
      let y = try inner("norm", ids.value) { x in
        try Tensor(x.float32Values().map { $0 / 3 }, dtype: .float32)
      }
      if fails { throw Failed() }
      for _ in 0..<2 { _ = try inner("rotary_emb", y, 7) { y, _ in (y, nil as Tensor?, x) } }
      return CapturedValue.dictionary([("logits", .tensor(y))])
    }
  }

  @Test func bothFormatsHoldTheSame() throws {
    let x = try vector([1, .nan, -.infinity, -0.0])
    let recorder = try Recorder(
      configuration: everyStep {
        $0.outputDirectory = directory
        $0.maxTensorSize = 4
        $0.recordsPostForwardInputs = true
      }, manifest: RunManifest(id: "run"))
    let probe = recorder.probe
    for _ in 0..<2 { try probe.step { try forward(probe, x) } }
    #expect(throws: (any Error).self) { try probe.step { try forward(probe, x, fails: true) } }
    try probe.step { try forward(probe, try vector([1, 2, 3, 4, 5])) }
    let paths = try recorder.finish { manifest in
      manifest.provenance = Provenance(tool: "test", toolVersion: "1", created: "now")
    }
    #expect(paths == [directory + "/run", directory + "/run/run.h5"])

    let pt = try DirectoryRunReader(path: directory + "/run")
    let h5 = try HDF5RunReader(path: directory + "/run/run.h5")
    #expect(pt.manifest == h5.manifest)
    #expect(pt.manifest.isComplete && pt.manifest.provenance?.tool == "test")
    let configuration = try #require(pt.manifest.configuration)
    #expect(try CaptureConfiguration(configuration) == recorder.configuration)
    #expect(pt.steps.map(\.index) == [0, 1, 2] && h5.steps.map(\.index) == [0, 1, 2])
    for (a, b) in zip(pt.steps, h5.steps) {
      #expect(
        a.calls.map(\.call) == [
          CallKey(step: a.index, module: "model"), CallKey(step: a.index, module: "model.norm"),
          CallKey(step: a.index, module: "model.rotary_emb"),
          CallKey(step: a.index, module: "model.rotary_emb", index: 1),
        ])
      #expect(a.calls.map(\.call) == b.calls.map(\.call))
      #expect(a.completionOrder == [1, 2, 3, 0] && b.completionOrder == [1, 2, 3, 0])
      #expect(a.calls.map(\.descriptions) == b.calls.map(\.descriptions))
      let (left, right) = (a.calls.flatMap(\.tensors), b.calls.flatMap(\.tensors))
      #expect(left.count == 14)
      #expect(Set(left.map(\.key)) == Set(right.map(\.key)))
      let notes = Dictionary(uniqueKeysWithValues: right.map { ($0.key, $0.skipped) })
      for record in left {
        #expect(notes[record.key] == record.skipped)
        #expect((record.skipped != nil) == (a.index == 2))
        if record.skipped != nil { continue }
        let bits = try [pt.tensor(record.key), h5.tensor(record.key)].map {
          $0.float32Values().map(\.bitPattern)
        }
        #expect(bits[0] == bits[1] && bits[0].count == 4)
      }
    }
  }

  @Test func diskThatFailsIsAnErrorAndLeavesARunThatIsNotComplete() throws {
    let x = try vector([1, 2])
    let recorder = try Recorder(
      configuration: everyStep {
        $0.outputDirectory = directory
        $0.formats = [.pt]
      }, manifest: RunManifest(id: "run"))
    let probe = recorder.probe
    try probe.step { try forward(probe, x) }
    // What stands in the way of the second step fails its writer as a full disk would.
    try Data().write(to: URL(filePath: directory + "/run/step_1"))
    #expect(throws: RunError.self) { try probe.step { try forward(probe, x) } }
    #expect(throws: RunError.self) { try recorder.finish() }
    let reader = try DirectoryRunReader(path: directory + "/run")
    #expect(reader.steps.map(\.index) == [0] && !reader.manifest.isComplete)
  }

  @Test(arguments: ["", "..", ".hidden", "a/b"])
  func idMustBeADirectorysName(_ id: String) throws {
    #expect(throws: RunError.self) {
      try Recorder(
        configuration: everyStep { $0.outputDirectory = directory },
        manifest: RunManifest(id: id))
    }
  }

  @Test func disabledMakesNoDirectory() throws {
    let recorder = try Recorder(
      configuration: everyStep {
        $0.outputDirectory = directory
        $0.isEnabled = false
      }, manifest: RunManifest(id: "run"))
    #expect(try recorder.finish().isEmpty)
    #expect(!FileManager.default.fileExists(atPath: directory))
  }
}
