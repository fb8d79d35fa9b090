/// A `tokenizer.json`, as far as byte-level BPE needs it.
struct TokenizerFile: Decodable {
  var addedTokens: [Added]?
  var normalizer: Component?
  var preTokenizer: Component?
  var postProcessor: Component?
  var decoder: Component?
  var model: Model

  private enum CodingKeys: String, CodingKey {
    case normalizer, decoder, model
    case addedTokens = "added_tokens"
    case preTokenizer = "pre_tokenizer"
    case postProcessor = "post_processor"
  }

  /// A token that is recognised in the text before anything else happens to it.
  struct Added: Decodable {
    var id: Int
    var content: String
    var special: Bool?
    var normalized: Bool?
    var lstrip: Bool?
    var rstrip: Bool?
    var singleWord: Bool?

    private enum CodingKeys: String, CodingKey {
      case id, content, special, normalized, lstrip, rstrip
      case singleWord = "single_word"
    }
  }

  /// A normalizer, pre-tokenizer, post-processor or decoder: a type and its options.
  struct Component: Decodable {
    var type: String
    var pattern: Pattern?
    var behavior: String?
    var invert: Bool?
    var addPrefixSpace: Bool?
    var useRegex: Bool?
    var individualDigits: Bool?
    var single: [TemplatePiece]?
    var specialTokens: [String: TemplateToken]?
    /// The members of a sequence, under whichever key its kind has.
    var members: [Component]?

    private enum CodingKeys: String, CodingKey {
      case type, pattern, behavior, invert, single
      case normalizers, pretokenizers, processors, decoders
      case addPrefixSpace = "add_prefix_space"
      case useRegex = "use_regex"
      case individualDigits = "individual_digits"
      case specialTokens = "special_tokens"
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      type = try container.decode(String.self, forKey: .type)
      switch type {
      case "Split":
        pattern = try container.decode(Pattern.self, forKey: .pattern)
        behavior = try container.decodeIfPresent(String.self, forKey: .behavior)
        invert = try container.decodeIfPresent(Bool.self, forKey: .invert)
      case "ByteLevel":
        addPrefixSpace = try container.decodeIfPresent(Bool.self, forKey: .addPrefixSpace)
        useRegex = try container.decodeIfPresent(Bool.self, forKey: .useRegex)
      case "Digits":
        individualDigits = try container.decodeIfPresent(Bool.self, forKey: .individualDigits)
      case "TemplateProcessing":
        single = try container.decode([TemplatePiece].self, forKey: .single)
        specialTokens = try container.decodeIfPresent(
          [String: TemplateToken].self, forKey: .specialTokens)
      case "Sequence":
        let keys: [CodingKeys] = [.normalizers, .pretokenizers, .processors, .decoders]
        guard let key = keys.first(where: container.contains) else {
          throw TokenizerFileError.malformed("a Sequence has no members")
        }
        members = try container.decode([Component].self, forKey: key)
      default: break
      }
    }

    /// The component itself, or the members of a sequence, of sequences within as well.
    var flattened: [Component] {
      members.map { $0.flatMap(\.flattened) } ?? [self]
    }
  }

  /// What a `Split` cuts at.
  struct Pattern: Decodable {
    var regex: String?
    var string: String?

    private enum CodingKeys: String, CodingKey {
      case regex = "Regex"
      case string = "String"
    }
  }

  /// One place of a template: a special token, or the text's tokens.
  struct TemplatePiece: Decodable {
    var specialToken: Name?
    var sequence: Name?

    private enum CodingKeys: String, CodingKey {
      case specialToken = "SpecialToken"
      case sequence = "Sequence"
    }
  }

  /// The name of a special token or of a sequence.
  struct Name: Decodable {
    var id: String
  }

  /// The ids that a template's special token stands for.
  struct TemplateToken: Decodable {
    var ids: [Int]
  }

  /// The `model` object.
  struct Model: Decodable {
    var type: String?
    var dropout: Double?
    var unknownToken: String?
    var continuingSubwordPrefix: String?
    var endOfWordSuffix: String?
    var fuseUnknown: Bool?
    var byteFallback: Bool?
    var ignoreMerges: Bool?
    var vocabulary: [String: Int]
    var merges: [(String, String)]

    private enum CodingKeys: String, CodingKey {
      case type, dropout, vocab, merges
      case unknownToken = "unk_token"
      case continuingSubwordPrefix = "continuing_subword_prefix"
      case endOfWordSuffix = "end_of_word_suffix"
      case fuseUnknown = "fuse_unk"
      case byteFallback = "byte_fallback"
      case ignoreMerges = "ignore_merges"
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      type = try container.decodeIfPresent(String.self, forKey: .type)
      if let type, type != "BPE" {
        throw TokenizerFileError.unsupported("a \(type) model")
      }
      dropout = try container.decodeIfPresent(Double.self, forKey: .dropout)
      unknownToken = try container.decodeIfPresent(String.self, forKey: .unknownToken)
      continuingSubwordPrefix = try container.decodeIfPresent(
        String.self, forKey: .continuingSubwordPrefix)
      endOfWordSuffix = try container.decodeIfPresent(String.self, forKey: .endOfWordSuffix)
      fuseUnknown = try container.decodeIfPresent(Bool.self, forKey: .fuseUnknown)
      byteFallback = try container.decodeIfPresent(Bool.self, forKey: .byteFallback)
      ignoreMerges = try container.decodeIfPresent(Bool.self, forKey: .ignoreMerges)
      vocabulary = try container.decode([String: Int].self, forKey: .vocab)
      merges = try Model.merges(container)
    }

    /// Merges are written as `["a", "b"]` today and as `"a b"` by older versions.
    private static func merges(
      _ container: KeyedDecodingContainer<CodingKeys>
    ) throws -> [(String, String)] {
      if let lines = try? container.decode([String].self, forKey: .merges) {
        return try lines.filter { !$0.hasPrefix("#version") }.map { line in
          let parts = line.split(separator: " ", omittingEmptySubsequences: false)
          guard parts.count == 2 else {
            throw TokenizerFileError.malformed("the merge '\(line)' does not have two parts")
          }
          return (String(parts[0]), String(parts[1]))
        }
      }
      return try container.decode([[String]].self, forKey: .merges).map { parts in
        guard parts.count == 2 else {
          throw TokenizerFileError.malformed("the merge \(parts) does not have two parts")
        }
        return (parts[0], parts[1])
      }
    }
  }
}

extension TokenizerFile.Component? {
  /// Refuses any decoder but the one that turns byte-level tokens into bytes.
  func requireByteLevel() throws {
    let types = self?.flattened.map(\.type) ?? []
    if types != ["ByteLevel"] {
      let found = types.isEmpty ? "no decoder" : "the decoder \(types.joined(separator: ", "))"
      throw TokenizerFileError.unsupported(found)
    }
  }
}
