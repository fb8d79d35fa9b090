import AssayBase
import AssayRuns

/// The tokens and merges of a GGUF file, checked against each other.
struct GGUFVocabulary {
  struct Token {
    var id: Int
    var content: String
  }

  /// The numbers of llama.cpp's token types.
  private enum TokenType: Int {
    case normal = 1
    case unknown, control, userDefined, unused, byte
  }

  /// The tokens that have a role: `bos`, `eos`, `unk`, `pad`.
  let named: [String: Token]
  private let ids: [String: Int]
  private let added: [(token: Token, isSpecial: Bool)]

  private static let roles = [
    "bos": "tokenizer.ggml.bos_token_id", "eos": "tokenizer.ggml.eos_token_id",
    "unk": "tokenizer.ggml.unknown_token_id", "pad": "tokenizer.ggml.padding_token_id",
  ]

  init(_ metadata: GGUFMetadata) throws(GGUFError) {
    let tokens = try metadata.strings("tokenizer.ggml.tokens")
    var named: [String: Token] = [:]
    for (role, key) in GGUFVocabulary.roles {
      guard let id = try metadata.tokenID(key) else { continue }
      guard tokens.indices.contains(id) else {
        throw metadata.invalid(key, "is \(id), but there are \(tokens.count) tokens")
      }
      named[role] = Token(id: id, content: tokens[id])
    }
    self.named = named
    let special = Set(named.values.map(\.id))
    let types = try GGUFVocabulary.types(metadata, count: tokens.count)
    var ids: [String: Int] = [:]
    ids.reserveCapacity(tokens.count)
    var added: [(Token, Bool)] = []
    for (id, (content, type)) in zip(tokens, types).enumerated() {
      // Unused tokens only fill up the vocabulary; Hugging Face's has none of them.
      guard type != .unused || special.contains(id) else { continue }
      if let first = ids.updateValue(id, forKey: content) {
        throw metadata.invalid(
          "tokenizer.ggml.tokens", "holds \(content.debugDescription) twice, at \(first) and \(id)")
      }
      let token = Token(id: id, content: content)
      if type == .control || type == .unknown || special.contains(id) {
        added.append((token, true))
      } else if type == .userDefined {
        added.append((token, false))
      }
    }
    self.ids = ids
    self.added = added
  }

  private static func types(
    _ metadata: GGUFMetadata, count: Int
  ) throws(GGUFError) -> [TokenType] {
    let key = "tokenizer.ggml.token_type"
    guard let value = metadata.values[key] else {
      throw .unsupported(path: metadata.path, what: "a tokenizer without the key \"\(key)\"")
    }
    guard case .array(let numbers) = value, numbers.count == count else {
      throw metadata.invalid(key, "is not an array of \(count) numbers, one for each token")
    }
    var types: [TokenType] = []
    types.reserveCapacity(count)
    for number in numbers {
      guard case .integer(let number) = number, let type = TokenType(rawValue: number) else {
        throw metadata.invalid(key, "holds something else than the numbers from 1 to 6")
      }
      types.append(type)
    }
    return types
  }

  /// The token of a role that a text's template needs.
  func requiredToken(_ role: String, _ metadata: GGUFMetadata) throws(GGUFError) -> Token {
    guard let token = named[role] else {
      throw metadata.invalid(
        GGUFVocabulary.roles[role] ?? role, "is missing, but this token is put around each text")
    }
    return token
  }

  /// The `vocab` of a `tokenizer.json`.
  var json: JSONValue {
    .object(ids.mapValues { .integer(Int64($0)) })
  }

  /// The `added_tokens` of a `tokenizer.json`: those that are found in the text by name.
  var addedTokens: JSONValue {
    .array(
      added.map { token, isSpecial in
        .object([
          "id": .integer(Int64(token.id)), "content": .string(token.content),
          "special": .bool(isSpecial), "normalized": .bool(false), "single_word": .bool(false),
          "lstrip": .bool(false), "rstrip": .bool(false),
        ])
      })
  }

  /// The `merges` of a `tokenizer.json`, each as its two parts.
  ///
  /// - Throws: ``GGUFError/invalidValue(path:key:reason:)`` for a merge that the tokens do not allow.
  func merges(_ metadata: GGUFMetadata) throws(GGUFError) -> JSONValue {
    let key = "tokenizer.ggml.merges"
    var merges: [JSONValue] = []
    for line in try metadata.strings(key) {
      let parts = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2 else {
        throw metadata.invalid(key, "holds \(line.debugDescription), which is not two tokens")
      }
      for token in parts + [parts[0] + parts[1]] where ids[token] == nil {
        throw metadata.invalid(
          key, "holds \(line.debugDescription), but \(token.debugDescription) is no token")
      }
      merges.append(.array(parts.map(JSONValue.string)))
    }
    return .array(merges)
  }
}

extension GGUFMetadata {
  /// True or false; `nil` where the key is missing.
  func flag(_ key: String) throws(GGUFError) -> Bool? {
    switch values[key] {
    case nil: return nil
    case .bool(let value): return value
    default: throw invalid(key, "is neither true nor false")
    }
  }

  /// An array of strings that must be there.
  func strings(_ key: String) throws(GGUFError) -> [String] {
    guard let value = values[key] else { throw invalid(key, "is missing") }
    guard case .array(let items) = value else { throw invalid(key, "is not an array of strings") }
    var strings: [String] = []
    strings.reserveCapacity(items.count)
    for item in items {
      guard case .string(let string) = item else {
        throw invalid(key, "is not an array of strings")
      }
      strings.append(string)
    }
    return strings
  }
}
