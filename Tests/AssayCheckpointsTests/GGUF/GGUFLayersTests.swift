import AssayLlama
import Foundation
import Testing

@testable import AssayCheckpoints

/// Files that lack tensors, or hold some that no Llama has.
@Suite struct GGUFLayersTests {
  private static let attention = (0..<2).flatMap { block in
    ["attn_q", "attn_k", "attn_v", "attn_output"].map { "blk.\(block).\($0).bias" }
  }
  private static let mlp = (0..<2).flatMap { block in
    ["ffn_gate", "ffn_up", "ffn_down"].map { "blk.\(block).\($0).bias" }
  }

  /// Imports a file of two layers.
  private static func `import`(
    adding names: [String] = [], without missing: [String] = []
  ) throws -> Llama {
    let scratch = try Scratch()
    try scratch.write("m.gguf", GGUFBytes.llama(layers: 2, adding: names, without: missing))
    let target = scratch.path + "/checkpoint"
    do {
      try GGUFCheckpoint.write(GGUFFile(path: scratch.path + "/m.gguf"), to: target)
    } catch {
      #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["m.gguf"])
      throw error
    }
    return try Llama(checkpoint: target)
  }

  private static func expectError(
    _ text: String, adding names: [String] = [], without missing: [String] = [],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = #expect(throws: GGUFError.self, sourceLocation: sourceLocation) {
      try Self.import(adding: names, without: missing)
    }
    let found = error?.description ?? ""
    #expect(
      found.contains(text) && found.contains("m.gguf"), "\(found)", sourceLocation: sourceLocation)
  }

  @Test func biasesOfAllOrNoneAreImported() throws {
    for (names, attention, mlp) in [
      ([], false, false), (Self.attention, true, false), (Self.mlp, false, true),
      (Self.attention + Self.mlp, true, true),
    ] {
      let model = try Self.import(adding: names)
      #expect(model.configuration.attentionBias == attention)
      #expect(model.configuration.mlpBias == mlp)
    }
  }

  @Test func biasesOfSomeAreRefused() {
    for names in [Self.attention, Self.mlp] {
      for missing in names {
        let present = names.first { $0 != missing } ?? ""
        Self.expectError(
          "tensor \"\(present)\" is there, but \"\(missing)\" is missing",
          adding: names.filter { $0 != missing })
      }
    }
    Self.expectError(
      "\"blk.0.attn_q.bias\" is there, but \"blk.0.attn_k.bias\", \"blk.0.attn_v.bias\", "
        + "\"blk.0.attn_output.bias\", \"blk.1.attn_q.bias\" and 3 more are missing; a Llama has",
      adding: ["blk.0.attn_q.bias"])
  }

  @Test func missingWeightsAreNamed() {
    for name in ["blk.1.ffn_up.weight", "blk.0.attn_norm.weight", "output_norm.weight"] {
      Self.expectError("tensor \"\(name)\" is missing", without: [name])
    }
  }

  @Test(arguments: [
    "blk.0.attn_norm.bias", "output_norm.bias", "token_embd.bias", "output.bias",
    "blk.2.attn_q.weight", "blk.-1.attn_q.weight", "blk.0.attn_q.scale",
  ])
  func tensorsOfNoLlamaAreNamed(_ name: String) {
    Self.expectError("tensor \"\(name)\", which no Llama has", adding: [name])
  }
}
