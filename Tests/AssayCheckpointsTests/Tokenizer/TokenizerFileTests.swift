import AssayBase
import Foundation
import Testing

@testable import AssayCheckpoints

/// What a `tokenizer.json` may hold that is refused: by name, and without a crash.
@Suite struct TokenizerFileTests {
  /// A whole tokenizer of three tokens; each test changes one place of it.
  private static var valid: [String: Any] {
    [
      "added_tokens": [["id": 2, "content": "<s>", "special": true]],
      "normalizer": NSNull(),
      "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "use_regex": true],
      "post_processor": NSNull(),
      "decoder": ["type": "ByteLevel"],
      "model": ["type": "BPE", "vocab": ["a": 0, "aa": 1, "b": 3], "merges": [["a", "a"]]],
    ]
  }

  private static func withFile<Result>(
    _ content: Data, _ body: (String) throws -> Result
  ) throws -> Result {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "tokenizer-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    try content.write(to: directory.appending(path: "tokenizer.json"))
    return try body(directory.path)
  }

  /// Puts `value` (JSON) at a path of two keys or one.
  private static func changed(_ path: String, to value: String) throws -> Data {
    let new = try JSONSerialization.jsonObject(with: Data(value.utf8), options: .fragmentsAllowed)
    var root = valid
    let keys = path.split(separator: ".").map(String.init)
    if keys.count == 2, var inner = root[keys[0]] as? [String: Any] {
      inner[keys[1]] = new
      root[keys[0]] = inner
    } else {
      root[path] = new
    }
    return try JSONSerialization.data(withJSONObject: root)
  }

  private static func error(of content: Data) throws -> TokenizerError? {
    try withFile(content) { path in
      do {
        _ = try Tokenizer(contentsOf: path)
        return nil
      } catch let error as TokenizerError {
        return error
      }
    }
  }

  @Test func aPatternThatTakesForEverIsGivenUp() throws {
    let cuts =
      #"{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "(a+)+b"}, "behavior": "Isolated"}, {"type": "ByteLevel", "use_regex": false}]}"#
    let content = try Self.changed("pre_tokenizer", to: cuts)
    #expect(throws: TokenizerError.unfinishedPattern("(a+)+b")) {
      try Self.withFile(content) {
        try Tokenizer(contentsOf: $0).encode(String(repeating: "a", count: 60))
      }
    }
  }

  @Test func takesTheSmallestTokenizer() throws {
    let content = try JSONSerialization.data(withJSONObject: Self.valid)
    let ids = try Self.withFile(content) { try Tokenizer(contentsOf: $0).encode("aaab<s>ac") }
    #expect(ids == [1, 0, 3, 2, 0])  // no token has the byte of "c"
  }

  @Test(arguments: [
    ("model.type", #""Unigram""#, "Unigram"),
    ("model.type", #""WordPiece""#, "WordPiece"),
    ("model.byte_fallback", "true", "byte_fallback"),
    ("model.dropout", "0.1", "dropout"),
    ("model.end_of_word_suffix", #""</w>""#, "end_of_word_suffix"),
    ("model.continuing_subword_prefix", ##""@@""##, "continuing_subword_prefix"),
    ("normalizer", #"{"type": "BertNormalizer"}"#, "BertNormalizer"),
    ("pre_tokenizer", #"{"type": "Metaspace"}"#, "Metaspace"),
    ("pre_tokenizer", "null", "no pre-tokenizer"),
    (
      "pre_tokenizer",
      #"{"type": "Sequence", "pretokenizers": [{"type": "Punctuation"}, {"type": "ByteLevel"}]}"#,
      "Punctuation"
    ),
    ("post_processor", #"{"type": "RobertaProcessing"}"#, "RobertaProcessing"),
    (
      "post_processor",
      #"{"type": "TemplateProcessing", "single": [{"Sequence": {"id": "B"}}]}"#, "more than one"
    ),
    ("decoder", #"{"type": "Metaspace"}"#, "Metaspace"),
    ("decoder", "null", "no decoder"),
  ]) func namesWhatItDoesNotSupport(path: String, value: String, name: String) throws {
    let error = try Self.error(of: Self.changed(path, to: value))
    guard case .unsupported(_, let feature) = error else {
      Issue.record("found \(String(describing: error))")
      return
    }
    #expect(feature.contains(name))
  }

  @Test(arguments: [
    ("model", "null", "model"),
    ("model", "[]", "model"),
    ("model.vocab", "3", "vocab"),
    ("model.vocab", #"{"a": "0"}"#, "vocab"),
    ("model.vocab", #"{"a": 0, "aa": 0}"#, "not its own"),
    ("model.vocab", #"{"a": -1}"#, "negative"),
    ("model.vocab", #"{"a": 1e300}"#, "vocab.a"),
    ("model.vocab", #"{"a": 0}"#, "'aa'"),
    ("model.merges", #"["a"]"#, "two parts"),
    ("model.merges", #"["a a a"]"#, "two parts"),
    ("model.merges", #"[["a", "a", "a"]]"#, "two parts"),
    ("model.merges", #"[["a", 1]]"#, "merges"),
    ("model.merges", #"[["a", "z"]]"#, "'z'"),
    ("model.unk_token", #""<unk>""#, "'<unk>'"),
    ("added_tokens", #"[{"id": -5, "content": "x"}]"#, "negative"),
    ("added_tokens", #"[{"content": "x"}]"#, "id"),
    ("added_tokens", #"{"id": 3}"#, "added_tokens"),
    (
      "pre_tokenizer",
      #"{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "(["}}]}"#,
      "ByteLevel"
    ),
    ("pre_tokenizer", #"{"type": 1}"#, "pre_tokenizer"),
    ("pre_tokenizer", #"{"type": "Sequence"}"#, "no members"),
    (
      "post_processor",
      #"{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}]}"#, "no ids"
    ),
  ]) func saysWhatIsWrong(path: String, value: String, reason: String) throws {
    let error = try #require(try Self.error(of: Self.changed(path, to: value)))
    #expect(error.description.contains(reason), "\(error)")
  }

  @Test func refusesABrokenPattern() throws {
    let value = #"""
      {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": "(["}}, {"type": "ByteLevel"}]}
      """#
    let error = try #require(try Self.error(of: Self.changed("pre_tokenizer", to: value)))
    #expect(error.description.contains("'(['"))
  }

  @Test func refusesDeepNesting() throws {
    let depth = 100_000
    let text =
      #"{"pre_tokenizer": "#
      + String(repeating: #"{"type": "Sequence", "pretokenizers": ["#, count: depth)
    #expect(try Self.error(of: Data(text.utf8)) != nil)
    #expect(try Self.error(of: Data(String(repeating: "[", count: depth).utf8)) != nil)
  }

  @Test func refusesEveryTruncation() throws {
    let whole = try JSONSerialization.data(withJSONObject: Self.valid)
    for length in 0..<whole.count {
      #expect(try Self.error(of: whole.prefix(length)) != nil, "\(length) bytes")
    }
  }

  /// A flipped bit may leave a valid file; it must never crash the reader or the encoder.
  @Test func survivesFlippedBits() throws {
    let whole = try Data(
      contentsOf: TokenizerTests.fixtures.appending(path: "qwen2.json"))
    var state: UInt64 = 42
    var refused = 0
    for _ in 0..<150 {
      var damaged = whole
      for _ in 0..<3 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        damaged[Int(state >> 33) % damaged.count] ^= 1 << UInt8((state >> 20) & 7)
      }
      try Self.withFile(damaged) { path in
        do {
          _ = try Tokenizer(contentsOf: path).encode("The word's 1234 <left> é\n")
        } catch is TokenizerError {
          refused += 1
        }
      }
    }
    #expect(refused > 0)
  }

  @Test func namesAMissingFile() {
    #expect {
      try Tokenizer(contentsOf: "/nonexistent")
    } throws: { error in
      guard case TokenizerError.unreadable(let path, _) = error else { return false }
      return path == "/nonexistent/tokenizer.json"
    }
  }
}
