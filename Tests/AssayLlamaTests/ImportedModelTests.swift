import AssayBase
import AssayCheckpoints
import AssayRuns
import AssayTensors
import Testing

@testable import AssayLlama

/// A checkpoint made of a GGUF file.
@Suite struct ImportedModelTests {
  private static let llama = Fixture.path(
    "../../AssayCheckpointsTests/Fixtures/gguf/llama.gguf")

  @Test func modelComputesWhatTheOriginalDoes() throws {
    let scratch = try Scratch()
    let target = scratch.path + "/checkpoint"
    try GGUFCheckpoint.write(GGUFFile(path: Self.llama), to: target)
    let tokenIDs = [1, 17, 5, 42]
    let actual = try CollectedRun(
      of: Llama(checkpoint: target, dtype: .float32), from: tokenIDs, steps: 3)
    // The fixture's GGUF file has neither the scaling nor the list of ends of the original.
    let original = try Scratch(copying: "grouped-tied")
    try original.configure(["rope_scaling": .null, "eos_token_id": .integer(61)])
    let expected = try CollectedRun(
      of: Llama(checkpoint: original.path, dtype: .float32), from: tokenIDs, steps: 3)
    #expect(actual.tokens == expected.tokens)
    #expect(Set(actual.tensors.keys) == Set(expected.tensors.keys))
    for (key, tensor) in expected.tensors {
      let excess = Excess(try #require(actual.tensors[key]), tensor, rtol: 0, atol: 1)
      #expect(excess.worst == 0, "\(key): \(excess)")
    }
  }
}
