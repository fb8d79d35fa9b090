import AssayBase
import Foundation
import Testing

@testable import AssayCheckpoints

/// Hugging Face's `tokenizers` encoded and decoded every text of the fixtures.
@Suite struct TokenizerTests {
  struct Cases: Decodable {
    struct Text: Decodable {
      var text: String
      var ids: [Int]
      var plain: [Int]
      var decoded: String
      var all: String
    }
    struct Odd: Decodable {
      var ids: [Int]
      var decoded: String
    }
    var encode: [Text]
    var decode: [Odd]
  }

  static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  static let fixtures = package.appending(path: "Tests/AssayCheckpointsTests/Fixtures/tokenizers")
  static let checkpoint = package.appending(path: "Golden/tiny-llama/checkpoint").path
  static let names = ["tiny-llama", "smollm2", "qwen2", "gpt2", "splits"]

  private func tokenizer(_ name: String) throws -> Tokenizer {
    try Tokenizer(
      contentsOf: name == "tiny-llama"
        ? Self.checkpoint : Self.fixtures.appending(path: name + ".json").path)
  }

  private func cases(_ name: String) throws -> Cases {
    let data = try Data(contentsOf: Self.fixtures.appending(path: name + ".cases.json"))
    return try JSONDecoder().decode(Cases.self, from: data)
  }

  @Test(arguments: names) func encodesAsHuggingFace(_ name: String) throws {
    let tokenizer = try tokenizer(name)
    let texts = try cases(name).encode
    #expect(texts.count >= 300)
    for text in texts {
      #expect(try tokenizer.encode(text.text) == text.ids, "\(text.text.debugDescription)")
      #expect(
        try tokenizer.encode(text.text, addSpecialTokens: false) == text.plain,
        "\(text.text.debugDescription)")
    }
  }

  @Test(arguments: names) func decodesAsHuggingFace(_ name: String) throws {
    let tokenizer = try tokenizer(name)
    let cases = try cases(name)
    for text in cases.encode {
      // Swift's == takes canonically equivalent texts for the same: compare the bytes.
      #expect(Array(try tokenizer.decode(text.ids).utf8) == Array(text.decoded.utf8))
      let all = try tokenizer.decode(text.ids, skipSpecialTokens: false)
      #expect(Array(all.utf8) == Array(text.all.utf8))
    }
    for odd in cases.decode {
      #expect(Array(try tokenizer.decode(odd.ids).utf8) == Array(odd.decoded.utf8), "\(odd.ids)")
    }
  }

  @Test func refusesUnknownIDs() throws {
    let tokenizer = try tokenizer("tiny-llama")
    for id in [-1, 512, Int.max] {
      #expect(throws: TokenizerError.unknownToken(id)) { try tokenizer.decode([3, id]) }
    }
  }

  @Test func mergesLongWordsInReasonableTime() throws {
    let text = String(repeating: "abcdefgh", count: 20_000)
    let tokenizer = try tokenizer("tiny-llama")
    #expect(try tokenizer.decode(try tokenizer.encode(text)) == text)
  }
}
