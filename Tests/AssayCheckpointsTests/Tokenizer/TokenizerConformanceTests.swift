import AssayBase
import Foundation
import Testing

@testable import AssayCheckpoints

/// What Hugging Face's `tokenizers` made of more than 2,000 texts (`Fixtures/make_conformance.py`).
@Suite struct TokenizerConformanceTests {
  struct Conformance: Decodable {
    struct Coding: Decodable {
      var ids: [Int]
      /// Without special tokens; the text itself where it is missing.
      var decoded: String?
      var all: String?
    }
    struct Text: Decodable {
      var text: String
      var tinyLlama: Coding
      var smolLM2: Coding

      enum CodingKeys: String, CodingKey {
        case text
        case tinyLlama = "tiny-llama"
        case smolLM2 = "SmolLM2"
      }
    }
    struct Odd: Decodable {
      var ids: [Int]
      var decoded: String
    }
    var encode: [Text]
    var decode: [String: [Odd]]

    static func read() throws -> Conformance {
      let url = TokenizerTests.fixtures.appending(path: "conformance.json")
      return try JSONDecoder().decode(Conformance.self, from: Data(contentsOf: url))
    }
  }

  /// The checkpoint that `assay import` makes of SmolLM2-135M, where there is one.
  static let smolLM2 = ProcessInfo.processInfo.environment["ASSAY_SMOLLM2"]

  @Test func tinyLlamaAgrees() throws {
    let conformance = try Conformance.read()
    let texts = conformance.encode.map { ($0.text, $0.tinyLlama) }
    try check(
      Tokenizer(contentsOf: TokenizerTests.checkpoint), texts,
      #require(conformance.decode["tiny-llama"]))
  }

  @Test(.enabled(if: smolLM2 != nil, "ASSAY_SMOLLM2 names no checkpoint"))
  func smolLM2Agrees() throws {
    let conformance = try Conformance.read()
    let texts = conformance.encode.map { ($0.text, $0.smolLM2) }
    try check(
      Tokenizer(contentsOf: #require(Self.smolLM2)), texts,
      #require(conformance.decode["SmolLM2"]))
  }

  private func check(
    _ tokenizer: Tokenizer, _ texts: [(String, Conformance.Coding)], _ odd: [Conformance.Odd]
  ) throws {
    #expect(texts.count >= 2000)
    #expect(odd.count >= 100)
    var wrong: [String] = []
    // Swift's == takes canonically equivalent texts for the same: compare the bytes.
    func compare(_ ids: [Int], _ expected: String, skipSpecialTokens: Bool) throws {
      let text = try tokenizer.decode(ids, skipSpecialTokens: skipSpecialTokens)
      if Array(text.utf8) != Array(expected.utf8) {
        wrong.append("\(ids) is \(expected.debugDescription), not \(text.debugDescription)")
      }
    }
    for (text, expected) in texts {
      let ids = try tokenizer.encode(text, addSpecialTokens: false)
      if ids != expected.ids {
        wrong.append("\(text.debugDescription) is \(expected.ids), not \(ids)")
      }
      try compare(expected.ids, expected.decoded ?? text, skipSpecialTokens: true)
      try compare(expected.ids, expected.all ?? text, skipSpecialTokens: false)
    }
    for odd in odd { try compare(odd.ids, odd.decoded, skipSpecialTokens: true) }
    #expect(
      wrong.isEmpty, "\(wrong.count) differ:\n\(wrong.prefix(20).joined(separator: "\n"))")
  }
}
