import AssayBase
import AssayRuns
import Foundation
import Testing

@Suite struct ModelHashTests {
  /// The hash that the Python recorder wrote for the same checkpoint.
  @Test func hashIsThatOfTheRecorder() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Golden/tiny-llama")
    let run = try JSONValue(decoding: Data(contentsOf: root.appending(path: "float32/run.json")))
    let recorded = try #require(run.members?["provenance"]?.members?["model_hash"]?.text)
    #expect(
      try ModelHash.sha256(ofCheckpoint: root.appending(path: "checkpoint").path) == recorded)
  }

  @Test func nothingToHashIsAnError() throws {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "assay-\(UUID().uuidString)")
    #expect(throws: RunError.notFound(path: directory.path)) {
      try ModelHash.sha256(ofCheckpoint: directory.path)
    }
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    #expect(throws: RunError.notFound(path: directory.path + "/config.json")) {
      try ModelHash.sha256(ofCheckpoint: directory.path)
    }
  }
}
