import Foundation
import Testing

@Suite struct ImportTests {
  private static let source = "Tests/AssayCheckpointsTests/Fixtures/gguf/llama.gguf"

  @Test func importedCheckpointIsRecorded() throws {
    let folder = try TemporaryFolder()
    let (target, golden) = (folder.path("checkpoint"), folder.path("run.h5"))
    let imported = try AssayProcess.run(["import", Self.source, target])
    #expect(imported.status == 0 && imported.stdout == target + "\n", "\(imported.stderr)")
    #expect(imported.stderr.contains("no tokenizer was written (the file has none)"))
    let recorded = try AssayProcess.run([
      "record", "--model", target, "--prompt-token-ids", "1,17,5", "--max-tokens", "2", "--golden",
      golden,
    ])
    #expect(recorded.status == 0, "\(recorded.stderr)")
    #expect(try !InspectAndConvertTests.inspect(golden).tensors.isEmpty)
  }

  @Test func nothingIsOverwritten() throws {
    let folder = try TemporaryFolder()
    let target = folder.path("there")
    try Data("mine".utf8).write(to: URL(filePath: target))
    let outcome = try AssayProcess.run(["import", Self.source, target])
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains("cannot write \(target): it is there already"))
    #expect(try String(contentsOfFile: target, encoding: .utf8) == "mine")
  }

  @Test(arguments: ["README.md", "nowhere.gguf", "Golden"])
  func whatIsNoGGUFIsNamed(_ source: String) throws {
    let folder = try TemporaryFolder()
    let outcome = try AssayProcess.run(["import", source, folder.path("checkpoint")])
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains(source))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).isEmpty)
  }
}
