import AssayRuns
import AssayTensors
import Foundation
import Testing

@Suite struct OpenRunTests {
  private func writeRun(_ root: TemporaryDirectory, _ id: String, h5: Bool = false) throws {
    let path = root.path + "/" + id
    let manifest = RunManifest(id: id)
    let writers: [any RunSink] =
      h5
      ? [try HDF5RunWriter(path: path + "/run.h5", mode: .recording, manifest: manifest)]
      : [try DirectoryRunWriter(path: path, manifest: manifest)]
    for writer in writers {
      try writer.receive(.stepBegan(0))
      try writer.receive(.stepEnded(0, calls: [], completionOrder: []))
      try writer.receive(.runEnded(manifest))
    }
  }

  @Test func opensARunItsFileAndItsOutputDirectory() throws {
    let root = try TemporaryDirectory()
    try writeRun(root, "one")
    #expect(try openRun(at: root.path + "/one").manifest.id == "one")
    #expect(try openRun(at: root.path).path == root.path + "/one")
    #expect(try openRun(at: root.path + "/").manifest.id == "one")
    try writeRun(root, "two", h5: true)
    #expect(try openRun(at: root.path + "/two").path == root.path + "/two/run.h5")
    #expect(try openRun(at: root.path + "/two/run.h5").manifest.id == "two")
  }

  @Test func severalRunsAreListed() throws {
    let root = try TemporaryDirectory()
    for id in ["b", "a"] { try writeRun(root, id) }
    try root.directory("unrelated")
    let expected = RunError.severalRuns(
      path: root.path, runs: [root.path + "/a", root.path + "/b"])
    #expect(throws: expected) { try openRun(at: root.path) }
  }

  @Test func directoryOfStepsIsARun() throws {
    let reader = try openRun(at: PlainDump.directory + "/bare")
    #expect(reader.manifest.id == "bare" && reader is DirectoryRunReader)
  }

  @Test func bothLayoutsGiveTheDirectory() throws {
    let root = try TemporaryDirectory()
    try writeRun(root, "one", h5: true)
    try writeRun(root, "one")
    #expect(try openRun(at: root.path + "/one") is DirectoryRunReader)
  }

  @Test func nothingIsAnError() throws {
    let root = try TemporaryDirectory()
    #expect(throws: RunError.notFound(path: root.path + "/x")) {
      try openRun(at: root.path + "/x")
    }
    #expect(throws: RunError.self) { try openRun(at: root.path) }
    let file = try root.file("a.txt", "text")
    #expect(throws: RunError.self) { try openRun(at: file) }
  }
}
