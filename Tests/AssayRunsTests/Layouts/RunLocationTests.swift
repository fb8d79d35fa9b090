import AssayRuns
import AssayTensors
import Foundation
import Testing

@Suite struct RunLocationTests {
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
    #expect(try RunLocation.open(root.path + "/one").manifest.id == "one")
    #expect(try RunLocation.open(root.path).path == root.path + "/one")
    #expect(try RunLocation.open(root.path + "/").manifest.id == "one")
    try writeRun(root, "two", h5: true)
    #expect(try RunLocation.open(root.path + "/two").path == root.path + "/two/run.h5")
    #expect(try RunLocation.open(root.path + "/two/run.h5").manifest.id == "two")
  }

  @Test func severalRunsAreListed() throws {
    let root = try TemporaryDirectory()
    for id in ["b", "a"] { try writeRun(root, id) }
    try root.directory("unrelated")
    let expected = RunError.severalRuns(
      path: root.path, runs: [root.path + "/a", root.path + "/b"])
    #expect(throws: expected) { try RunLocation.open(root.path) }
  }

  @Test func directoryOfStepsIsARun() throws {
    let reader = try RunLocation.open(PlainDump.directory + "/bare")
    #expect(reader.manifest.id == "bare" && reader is DirectoryRunReader)
  }

  @Test func bothLayoutsGiveTheDirectory() throws {
    let root = try TemporaryDirectory()
    try writeRun(root, "one", h5: true)
    try writeRun(root, "one")
    #expect(try RunLocation.open(root.path + "/one") is DirectoryRunReader)
  }

  @Test func nothingIsAnError() throws {
    let root = try TemporaryDirectory()
    #expect(throws: RunError.notFound(path: root.path + "/x")) {
      try RunLocation.open(root.path + "/x")
    }
    #expect(throws: RunError.self) { try RunLocation.open(root.path) }
    let file = try root.file("a.txt", "text")
    #expect(throws: RunError.self) { try RunLocation.open(file) }
  }
}
