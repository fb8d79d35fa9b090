import AssayBase
import AssayRuns
import AssayTensors
import Foundation

/// Byte-level BPE as a Hugging Face `tokenizer.json` describes it: GPT-2, Llama 3, Qwen2, SmolLM2.
///
/// Text goes through the added tokens, the normalizer, the pre-tokenizer, the merges and the
/// template, in that order. What the file asks for beyond these is an error, never ignored.
public struct Tokenizer: Sendable {
  let addedTokens: AddedTokens
  let normalizer: TextNormalizer
  let preTokenizer: PreTokenizer
  let model: BytePairModel
  let template: TokenTemplate

  /// Reads the tokenizer of a checkpoint.
  ///
  /// - Parameter checkpoint: The checkpoint's directory, or the path of a `tokenizer.json`.
  /// - Throws: ``TokenizerError/unreadable(path:reason:)``,
  ///   ``TokenizerError/malformed(path:reason:)`` or ``TokenizerError/unsupported(path:feature:)``.
  public init(contentsOf checkpoint: String) throws(TokenizerError) {
    let path =
      checkpoint.hasSuffix(".json")
      ? checkpoint : (checkpoint.hasSuffix("/") ? checkpoint : checkpoint + "/") + "tokenizer.json"
    let data: Data
    do {
      data = try MappedFile(path: path).withUnsafeBytes { Data($0) }
    } catch {
      throw Tokenizer.standIn(at: path) ?? .unreadable(path: path, reason: error.reason)
    }
    do {
      self = try Tokenizer(TokenizerFile(json: JSONValue(decoding: data)))
    } catch TokenizerFileError.unsupported(let feature) {
      throw .unsupported(path: path, feature: feature)
    } catch TokenizerFileError.malformed(let reason) {
      throw .malformed(path: path, reason: reason)
    } catch {
      throw Tokenizer.standIn(at: path) ?? .malformed(path: path, reason: "\(error)")
    }
  }

  private static func standIn(at path: String) -> TokenizerError? {
    StandIn(at: path, isText: true).map { .unreadable(path: path, reason: "it \($0.text)") }
  }

  init(_ file: TokenizerFile) throws {
    normalizer = try TextNormalizer(file.normalizer)
    preTokenizer = try PreTokenizer(file.preTokenizer)
    model = try BytePairModel(file.model)
    template = try TokenTemplate(file.postProcessor)
    addedTokens = try AddedTokens(file.addedTokens ?? [], normalizer: normalizer)
    try file.decoder.requireByteLevel()
  }

  /// Turns text into token ids.
  ///
  /// - Parameters:
  ///   - text: The text; the names of added tokens inside it become these tokens.
  ///   - addSpecialTokens: Whether the template's tokens, such as the one that begins a text, are
  ///     put around it.
  /// - Throws: ``TokenizerError/unfinishedPattern(_:)``.
  /// - Complexity: O(n log n) in the length of the longest word, O(n) in the number of words.
  public func encode(_ text: String, addSpecialTokens: Bool = true) throws -> [Int] {
    var tokenIDs: [Int] = []
    var known: [[UInt8]: [Int]] = [:]
    for piece in addedTokens.split(text, normalizer: normalizer) {
      switch piece {
      case .token(let id): tokenIDs.append(id)
      case .text(let text):
        for word in try preTokenizer.words(of: text) {
          if let ids = known[word] {
            tokenIDs += ids
          } else {
            let ids = model.encode(word)
            known[word] = ids
            tokenIDs += ids
          }
        }
      }
    }
    return addSpecialTokens ? template.prefix + tokenIDs + template.suffix : tokenIDs
  }

  /// Turns token ids into text; bytes that are no UTF-8 become U+FFFD.
  ///
  /// - Parameters:
  ///   - tokenIDs: The ids.
  ///   - skipSpecialTokens: Whether special tokens are left out of the text.
  /// - Throws: ``TokenizerError/unknownToken(_:)`` for an id that the tokenizer does not have.
  public func decode(_ tokenIDs: [Int], skipSpecialTokens: Bool = true) throws -> String {
    var bytes: [UInt8] = []
    for id in tokenIDs {
      if let added = addedTokens.token(id) {
        if !added.isSpecial || !skipSpecialTokens { bytes += added.bytes }
      } else if let piece = model.bytes(of: id) {
        bytes += piece
      } else {
        throw TokenizerError.unknownToken(id)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
