import Assay
import AssayRunsSupport
import Foundation
import Testing

// The modules that the sample of Documentation/Recording.md leaves to its reader.
struct RMSNorm {
  func callAsFunction(_ hidden: Tensor) throws -> Tensor {
    try Tensor(hidden.float32Values().map { $0 / 2 }, dtype: .float32, shape: hidden.shape)
  }
}

struct Attention {
  var bias: Float = 1

  func callAsFunction(_ hidden: Tensor) throws -> Tensor {
    try Tensor(hidden.float32Values().map { $0 + bias }, dtype: .float32, shape: hidden.shape)
  }
}

// From here to the end of `Block`, and in `record`, the lines are the page's.
struct Block {
  var norm: RMSNorm
  var attention: Attention

  func callAsFunction(_ hidden: Tensor, _ probe: Probe) throws -> Tensor {
    let normed = try probe("input_layernorm", hidden) { try norm($0) }  // inputs_0, outputs
    return try probe("self_attn", Keyword("hidden_states", normed)) { try attention($0.value) }
  }
}

@Suite struct RecordingSampleTests {
  private func record(
    _ block: Block, into directory: String,
    comparedWith golden: any RunReader = InMemoryRun(path: "nothing")
  ) throws -> RunComparison {
    let input = try Tensor([2, 4] as [Float], dtype: .float32)
    var configuration = CaptureConfiguration()  // step 0, all modules, `.pt` files and run.h5
    configuration.outputDirectory = directory
    let recorder = try Recorder(configuration: configuration, manifest: RunManifest(id: "port-1"))
    let output = try recorder.probe.step {
      try block(input, recorder.probe.scope("model.layers.0"))
    }
    try recorder.finish()

    let port = try openRun(at: directory)
    let comparison = try RunComparison.compare(actual: port, expected: golden)
    print(comparison.report())
    #expect(output.float32Values() == [1, 2].map { $0 + block.attention.bias })
    return comparison
  }

  @Test func theSampleRecordsAndNamesTheModuleThatChanged() throws {
    let root = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: root) }
    let (first, second) = (root.appending(path: "a").path, root.appending(path: "b").path)

    let block = Block(norm: RMSNorm(), attention: Attention())
    #expect(try !record(block, into: first).isMatch)

    let golden = try openRun(at: first)
    let slots = golden.steps[0].calls.flatMap(\.tensors).map { "\($0.key)" }
    #expect(
      slots == [
        "step 0 model.layers.0.input_layernorm inputs_0 on cpu",
        "step 0 model.layers.0.input_layernorm outputs on cpu",
        "step 0 model.layers.0.self_attn inputs_hidden_states on cpu",
        "step 0 model.layers.0.self_attn outputs on cpu",
      ])

    let changed = Block(norm: RMSNorm(), attention: Attention(bias: 1.5))
    let comparison = try record(changed, into: second, comparedWith: golden)
    #expect(comparison.firstDivergence?.call.module == "model.layers.0.self_attn")
    #expect(comparison.firstDivergence?.origin.cause == .introduced)
  }

  @Test(arguments: [("Documentation/Recording.md", 19), ("Sources/Assay/Assay.docc/Assay.md", 11)])
  func theLinesAreThoseOfThePage(page: String, count: Int) throws {
    let this = URL(filePath: #filePath)
    let page = this.deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: page)
    let text = try String(contentsOf: page, encoding: .utf8)
    let sample = try #require(
      text.components(separatedBy: "```swift\n").dropFirst()
        .compactMap { $0.components(separatedBy: "\n```").first }
        .first { $0.hasPrefix("import Assay\n") })
    var rest = Self.lines(of: try String(contentsOf: this, encoding: .utf8))[...]
    let wanted = Self.lines(of: sample)
    #expect(wanted.count >= count)
    for line in wanted {
      guard let found = rest.firstIndex(of: line) else {
        Issue.record("the page's line is not in this test, or not in this order: \(line)")
        return
      }
      rest = rest[(found + 1)...]
    }
  }

  private static func lines(of text: String) -> [String] {
    text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
      .filter { !$0.isEmpty }
  }
}
