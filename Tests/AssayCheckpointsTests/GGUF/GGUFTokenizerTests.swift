import AssayBase
import AssayRuns
import Foundation
import Testing

@testable import AssayCheckpoints

/// Tokenizers written down as GGUF does encode, converted back, as Hugging Face's library did.
@Suite struct GGUFTokenizerTests {
  /// A tokenizer of the fixtures as llama.cpp's converter would have written it.
  private static func metadata(_ name: String, pre: String) throws -> [String: GGUFValue] {
    let path =
      name == "tiny-llama"
      ? TokenizerTests.checkpoint + "/tokenizer.json" : Fixture.path("tokenizers/\(name).json")
    let data = try Data(contentsOf: URL(filePath: path))
    let root = try #require(JSONValue(decoding: data).members)
    let model = try #require(root["model"]?.members)
    let vocabulary = try #require(model["vocab"]?.members)
    var tokens: [Int: String] = [:]
    for (token, id) in vocabulary { tokens[try #require(id.int)] = token }
    var special: Set<Int> = []
    for added in root["added_tokens"]?.items ?? [] {
      let id = try #require(added.members?["id"]?.int)
      tokens[id] = try #require(added.members?["content"]?.text)
      special.insert(id)
    }
    let ids = tokens.keys.sorted()
    try #require(ids == Array(0..<ids.count))
    let merges = try #require(model["merges"]?.items).map { merge in
      merge.text ?? (merge.items ?? []).compactMap(\.text).joined(separator: " ")
    }
    return [
      "tokenizer.ggml.model": .string("gpt2"), "tokenizer.ggml.pre": .string(pre),
      "tokenizer.ggml.tokens": .array(ids.map { .string(tokens[$0] ?? "") }),
      "tokenizer.ggml.token_type": .array(ids.map { .integer(special.contains($0) ? 3 : 1) }),
      "tokenizer.ggml.merges": .array(merges.map { .string($0) }),
      "tokenizer.ggml.bos_token_id": .integer(0), "tokenizer.ggml.eos_token_id": .integer(1),
    ]
  }

  private static func cases(_ name: String) throws -> [TokenizerTests.Cases.Text] {
    let data = try Data(contentsOf: URL(filePath: Fixture.path("tokenizers/\(name).cases.json")))
    return try JSONDecoder().decode(TokenizerTests.Cases.self, from: data).encode
  }

  private static func tokenizer(_ metadata: [String: GGUFValue]) throws -> Tokenizer {
    let scratch = try Scratch()
    let converted = try GGUFTokenizer(GGUFMetadata(path: "m.gguf", values: metadata))
    try scratch.write("tokenizer.json", converted.json.encoded())
    return try Tokenizer(contentsOf: scratch.path)
  }

  @Test(arguments: [("tiny-llama", "llama-bpe"), ("smollm2", "smollm")])
  func convertedTokenizersAgree(_ name: String, _ pre: String) throws {
    let tokenizer = try Self.tokenizer(Self.metadata(name, pre: pre))
    let cases = try Self.cases(name)
    #expect(cases.count > 200)
    for text in cases {
      #expect(try tokenizer.encode(text.text) == text.ids, "\(text.text.debugDescription)")
      #expect(Array(try tokenizer.decode(text.ids).utf8) == Array(text.decoded.utf8))
    }
  }

  /// The fixture puts a space before each text, which GGUF cannot say, and tokens around it.
  @Test func gpt2AddsTokensAroundTheText() throws {
    var metadata = try Self.metadata("gpt2", pre: "gpt-2")
    metadata["tokenizer.ggml.add_bos_token"] = .bool(true)
    metadata["tokenizer.ggml.add_eos_token"] = .bool(true)
    let tokenizer = try Self.tokenizer(metadata)
    let cases = try Self.cases("gpt2").filter { text in
      text.text.first?.isLetter == true && !text.text.contains("s>")
    }
    #expect(cases.count > 50)
    for text in cases {
      #expect(try tokenizer.encode(" " + text.text) == text.ids, "\(text.text.debugDescription)")
    }
  }

  @Test func theFileSaysWhetherATextBegins() throws {
    var metadata = try Self.metadata("tiny-llama", pre: "llama3")
    #expect(try Self.tokenizer(metadata).encode("") == [0])
    metadata["tokenizer.ggml.add_bos_token"] = .bool(false)
    #expect(try Self.tokenizer(metadata).encode("") == [])
  }

  @Test func importWritesTheTokenizer() throws {
    let scratch = try Scratch()
    let target = scratch.path + "/checkpoint"
    let gguf = try GGUFFile(path: Fixture.path("gguf/tokenizer.gguf"))
    #expect(try GGUFCheckpoint.write(gguf, to: target) == nil)
    let tokenizer = try Tokenizer(contentsOf: target)
    for text in try Self.cases("smollm2") {
      #expect(try tokenizer.encode(text.text) == text.ids, "\(text.text.debugDescription)")
    }
    let data = try Data(contentsOf: URL(filePath: target + "/tokenizer_config.json"))
    let configuration = try JSONValue(decoding: data)
    #expect(
      configuration
        == .object([
          "tokenizer_class": .string("PreTrainedTokenizerFast"),
          "clean_up_tokenization_spaces": .bool(false), "model_max_length": .integer(64),
          "bos_token": .string("<|im_start|>"), "eos_token": .string("<|im_end|>"),
          "unk_token": .string("<|endoftext|>"), "pad_token": .string("<|im_end|>"),
          "chat_template": .string("{{ messages }}"),
        ]))
  }

  @Test func importSaysWhyThereIsNoTokenizer() throws {
    let scratch = try Scratch()
    let target = scratch.path + "/checkpoint"
    let gguf = try GGUFFile(path: Fixture.path("gguf/llama.gguf"))
    #expect(try GGUFCheckpoint.write(gguf, to: target) == "the file has none")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: target).sorted()
        == ["config.json", "model.safetensors"])
  }

  private static func error(
    _ key: String, _ value: GGUFValue?
  ) throws -> GGUFError? {
    var metadata = try metadata("smollm2", pre: "smollm")
    metadata["tokenizer.ggml." + key] = value
    return #expect(throws: GGUFError.self) {
      try GGUFTokenizer(GGUFMetadata(path: "m.gguf", values: metadata))
    }
  }

  private static let unsupported: [(String, GGUFValue?, String)] = [
    ("model", .string("llama"), "the tokenizer llama (SentencePiece)"),
    ("model", .string("bert"), "the tokenizer bert (WordPiece)"),
    ("model", .string("new"), "the tokenizer new"),
    ("pre", nil, "a tokenizer without the key \"tokenizer.ggml.pre\""),
    ("pre", .string("tekken"), "the pre-tokenizer tekken"),
    ("token_type", nil, "a tokenizer without the key \"tokenizer.ggml.token_type\""),
    ("add_space_prefix", .bool(true), "a space before byte-level text"),
  ]

  @Test(arguments: unsupported)
  func whatIsNotConvertedIsNamed(_ key: String, _ value: GGUFValue?, _ what: String) throws {
    #expect(try Self.error(key, value) == .unsupported(path: "m.gguf", what: what))
  }

  private static let damaged: [(String, GGUFValue?, String)] = [
    ("model", .integer(3), "tokenizer.ggml.model\" is no text"),
    ("tokens", nil, "tokenizer.ggml.tokens\" is missing"),
    ("tokens", .array([.integer(1)]), "tokenizer.ggml.tokens\" is not an array of strings"),
    ("tokens", .array([.string("a")]), "is 1, but there are 1 tokens"),
    ("tokens", .array([.string("a"), .string("b")]), "is not an array of 2 numbers"),
    ("token_type", .array([.integer(1)]), "one for each token"),
    ("token_type", .array(Array(repeating: .integer(7), count: 420)), "numbers from 1 to 6"),
    ("merges", nil, "tokenizer.ggml.merges\" is missing"),
    ("merges", .string("a b"), "is not an array of strings"),
    ("merges", .array([.string("ab")]), "holds \"ab\", which is not two tokens"),
    ("merges", .array([.string("a b c")]), "which is not two tokens"),
    ("merges", .array([.string("a \u{4e2d}")]), "is no token"),
    ("bos_token_id", .integer(420), "is 420, but there are 420 tokens"),
    ("bos_token_id", .integer(-1), "is no token id"),
    ("add_bos_token", .integer(1), "is neither true nor false"),
  ]

  @Test(arguments: damaged)
  func whatIsDamagedIsAnError(_ key: String, _ value: GGUFValue?, _ reason: String) throws {
    let error = try #require(try Self.error(key, value))
    #expect(error.description.contains(reason), "\(error)")
    guard case .invalidValue = error else {
      Issue.record("found \(error)")
      return
    }
  }

  @Test func tokenThatOccursTwiceIsAnError() throws {
    var metadata = try Self.metadata("smollm2", pre: "smollm")
    guard case .array(var tokens) = metadata["tokenizer.ggml.tokens"] else { return }
    tokens[5] = tokens[4]
    metadata["tokenizer.ggml.tokens"] = .array(tokens)
    let error = #expect(throws: GGUFError.self) {
      try GGUFTokenizer(GGUFMetadata(path: "m.gguf", values: metadata))
    }
    #expect(error?.description.contains("twice, at 4 and 5") == true)
  }

  @Test func templateNeedsItsToken() throws {
    var metadata = try Self.metadata("tiny-llama", pre: "llama-bpe")
    metadata["tokenizer.ggml.bos_token_id"] = nil
    let error = #expect(throws: GGUFError.self) {
      try GGUFTokenizer(GGUFMetadata(path: "m.gguf", values: metadata))
    }
    #expect(error?.description.contains("\"tokenizer.ggml.bos_token_id\" is missing") == true)
  }
}
