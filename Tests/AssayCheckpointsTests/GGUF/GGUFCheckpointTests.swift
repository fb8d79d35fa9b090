import AssayRuns
import AssayTensors
import Foundation
import Testing

@testable import AssayCheckpoints

@Suite struct GGUFCheckpointTests {
  private static let llama = Fixture.path("gguf/llama.gguf")

  /// `llama.gguf` holds the weights of `grouped-tied` as llama.cpp's converter orders them.
  @Test func weightsAreThoseOfTheOriginal() throws {
    let scratch = try Scratch()
    let target = scratch.path + "/checkpoint"
    try GGUFCheckpoint.write(GGUFFile(path: Self.llama), to: target)
    let written = try SafetensorsFile(path: target + "/model.safetensors").tensors
    let llama = Fixture.path("../../AssayLlamaTests/Fixtures/grouped-tied")
    let original = try SafetensorsFile(path: llama + "/model.safetensors").tensors
      .filter { $0.name != "lm_head.weight" }
    #expect(written.map(\.name).sorted() == original.map(\.name).sorted())
    for entry in original {
      let tensor = try #require(written.first { $0.name == entry.name }?.tensor)
      #expect(tensor.dtype == .float32 && tensor.shape == entry.tensor.shape, "\(entry.name)")
      #expect(tensor.float32Values() == entry.tensor.float32Values(), "\(entry.name)")
    }
  }

  @Test func anotherArchitectureIsNamed() throws {
    let scratch = try Scratch()
    let error = #expect(throws: GGUFError.self) {
      try GGUFCheckpoint.write(
        GGUFFile(path: Fixture.path("gguf/types.gguf")), to: scratch.path + "/checkpoint")
    }
    #expect(error?.description.contains("the architecture test (llama is)") == true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == [])
  }

  @Test func whatIsThereStays() throws {
    let scratch = try Scratch()
    try scratch.write("mine", Data("mine".utf8))
    #expect(
      throws: GGUFError.unwritable(path: scratch.path, reason: "it is there already")
    ) { try GGUFCheckpoint.write(GGUFFile(path: Self.llama), to: scratch.path) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["mine"])
  }

  @Test func directoryThatCannotBeWrittenIsNamed() throws {
    let scratch = try Scratch()
    try scratch.write("file", Data())
    let target = scratch.path + "/file/checkpoint"
    let error = #expect(throws: GGUFError.self) {
      try GGUFCheckpoint.write(GGUFFile(path: Self.llama), to: target)
    }
    #expect(
      error?.description.hasPrefix("cannot write \(target): ") == true,
      "\(String(describing: error))")
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["file"])
  }
}
