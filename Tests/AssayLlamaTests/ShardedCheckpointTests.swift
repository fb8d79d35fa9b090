import AssayBase
import AssayCheckpoints
import AssayRuns
import Foundation
import Testing

@testable import AssayLlama

@Suite struct ShardedCheckpointTests {
  private static let second = "model-00002-of-00003.safetensors"
  private static let index = "model.safetensors.index.json"

  private func expectInvalidWeights(_ scratch: Scratch, reason: String) {
    let error = #expect(throws: LlamaError.self) { try Llama(checkpoint: scratch.path) }
    guard case .invalidWeights(.damaged(_, let found)) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(found.contains(reason), "\(found)")
  }

  @Test func missingFileIsAnError() throws {
    let scratch = try Scratch(copying: "biased-sharded")
    try FileManager.default.removeItem(atPath: scratch.path + "/" + ShardedCheckpointTests.second)
    expectInvalidWeights(scratch, reason: "No such file")
  }

  @Test func cutFileIsAnError() throws {
    let scratch = try Scratch(copying: "biased-sharded")
    let path = scratch.path + "/" + ShardedCheckpointTests.second
    let data = try Data(contentsOf: URL(filePath: path))
    try scratch.write(ShardedCheckpointTests.second, data.dropLast(1))
    expectInvalidWeights(scratch, reason: "of the data, which has")
  }

  @Test func tensorInTwoFilesIsNamed() throws {
    let scratch = try Scratch(copying: "biased-sharded")
    let first = "model-00001-of-00003.safetensors"
    let name = try #require(
      SafetensorsFile(path: scratch.path + "/" + first).tensors.first?.name)
    let tensor = try #require(
      SafetensorsFile(path: scratch.path + "/" + first).tensors.first?.tensor)
    try scratch.rewrite(ShardedCheckpointTests.second) { $0[name] = tensor }
    #expect(
      throws: LlamaError.duplicateTensor(
        name, path: scratch.path + "/" + ShardedCheckpointTests.second)
    ) { try Llama(checkpoint: scratch.path) }
  }

  @Test func tensorThatItsFileLacksIsNamed() throws {
    let scratch = try Scratch(copying: "biased-sharded")
    let path = scratch.path + "/" + ShardedCheckpointTests.second
    let name = try #require(SafetensorsFile(path: path).tensors.first?.name)
    try scratch.rewrite(ShardedCheckpointTests.second) { $0[name] = nil }
    #expect(throws: LlamaError.missingTensor(name, path: path)) {
      try Llama(checkpoint: scratch.path)
    }
  }

  @Test(arguments: [
    (#"{"weight_map": {"a": "../secret.safetensors"}}"#, "of the same directory"),
    (#"{"weight_map": {"a": "model.bin"}}"#, "of the same directory"),
    (#"{"weight_map": {"a": "x.safetensors", "a": "x.safetensors"}}"#, "occurs twice"),
    (#"{"weight_map": {}}"#, "missing or empty"),
    (#"{"metadata": {}}"#, "missing or empty"),
    (#"{"weight_map": {"a": 3}}"#, "no \"\"\""),
    (#"[]"#, "no \"{\""),
  ])
  func badIndexIsAnError(_ text: String, _ reason: String) throws {
    let scratch = try Scratch(copying: "biased-sharded")
    try scratch.write(ShardedCheckpointTests.index, Data(text.utf8))
    expectInvalidWeights(scratch, reason: reason)
  }

  @Test func emptyIndexIsNamed() throws {
    let scratch = try Scratch(copying: "biased-sharded")
    try scratch.write(ShardedCheckpointTests.index, Data())
    let error = #expect(throws: LlamaError.self) { try Llama(checkpoint: scratch.path) }
    #expect(error?.description.contains("is empty: it was not written or fetched") == true)
  }

  /// No argument: logs print those whole.
  @Test func deepIndexIsAnError() throws {
    try badIndexIsAnError(
      #"{"metadata": "# + String(repeating: "[", count: 100_000), "nested deeper than 125")
  }

  @Test func checkpointWithoutWeightsIsAnError() throws {
    let scratch = try Scratch(copying: "grouped-tied")
    try FileManager.default.removeItem(atPath: scratch.path + "/model.safetensors")
    #expect(
      throws: LlamaError.unreadable(
        path: scratch.path + "/model.safetensors",
        reason: "no such file, nor model.safetensors.index.json")
    ) { try Llama(checkpoint: scratch.path) }
  }
}
