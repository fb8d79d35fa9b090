import AssayBase
import AssayRuns

/// A `tokenizer.json`, as far as byte-level BPE needs it.
struct TokenizerFile: JSONReadable {
  var addedTokens: [Added]?
  var normalizer: Component?
  var preTokenizer: Component?
  var postProcessor: Component?
  var decoder: Component?
  var model: Model

  init(json: JSONValue) throws {
    normalizer = try json.optional("normalizer")
    decoder = try json.optional("decoder")
    model = try json.member("model")
    addedTokens = try json.optional("added_tokens")
    preTokenizer = try json.optional("pre_tokenizer")
    postProcessor = try json.optional("post_processor")
  }

  /// A token that is recognised in the text before anything else happens to it.
  struct Added: JSONReadable {
    var id: Int
    var content: String
    var special: Bool?
    var normalized: Bool?
    var lstrip: Bool?
    var rstrip: Bool?
    var singleWord: Bool?

    init(json: JSONValue) throws {
      id = try json.member("id")
      content = try json.member("content")
      special = try json.optional("special")
      normalized = try json.optional("normalized")
      lstrip = try json.optional("lstrip")
      rstrip = try json.optional("rstrip")
      singleWord = try json.optional("single_word")
    }
  }

  /// A normalizer, pre-tokenizer, post-processor or decoder: a type and its options.
  struct Component: JSONReadable {
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

    init(json: JSONValue) throws {
      type = try json.member("type")
      switch type {
      case "Split":
        pattern = try json.member("pattern")
        behavior = try json.optional("behavior")
        invert = try json.optional("invert")
      case "ByteLevel":
        addPrefixSpace = try json.optional("add_prefix_space")
        useRegex = try json.optional("use_regex")
      case "Digits":
        individualDigits = try json.optional("individual_digits")
      case "TemplateProcessing":
        single = try json.member("single")
        specialTokens = try json.optional("special_tokens")
      case "Sequence":
        let keys = ["normalizers", "pretokenizers", "processors", "decoders"]
        guard let key = keys.first(where: { json.members?[$0] != nil }) else {
          throw TokenizerFileError.malformed("a Sequence has no members")
        }
        members = try json.member(key)
      default: break
      }
    }

    /// The component itself, or the members of a sequence, of sequences within as well.
    var flattened: [Component] {
      members.map { $0.flatMap(\.flattened) } ?? [self]
    }
  }

  /// What a `Split` cuts at.
  struct Pattern: JSONReadable {
    var regex: String?
    var string: String?

    init(json: JSONValue) throws {
      regex = try json.optional("Regex")
      string = try json.optional("String")
    }
  }

  /// One place of a template: a special token, or the text's tokens.
  struct TemplatePiece: JSONReadable {
    var specialToken: Name?
    var sequence: Name?

    init(json: JSONValue) throws {
      specialToken = try json.optional("SpecialToken")
      sequence = try json.optional("Sequence")
    }
  }

  /// The name of a special token or of a sequence.
  struct Name: JSONReadable {
    var id: String

    init(json: JSONValue) throws { id = try json.member("id") }
  }

  /// The ids that a template's special token stands for.
  struct TemplateToken: JSONReadable {
    var ids: [Int]

    init(json: JSONValue) throws { ids = try json.member("ids") }
  }

  /// The `model` object.
  struct Model: JSONReadable {
    var type: String?
    var dropout: Double?
    var unknownToken: String?
    var continuingSubwordPrefix: String?
    var endOfWordSuffix: String?
    var fuseUnknown: Bool?
    var byteFallback: Bool?
    var ignoreMerges: Bool?
    var vocabulary: NameMap<Int>
    var merges: [(String, String)]

    init(json: JSONValue) throws {
      type = try json.optional("type")
      if let type, type != "BPE" {
        throw TokenizerFileError.unsupported("a \(type) model")
      }
      dropout = try json.optional("dropout")
      unknownToken = try json.optional("unk_token")
      continuingSubwordPrefix = try json.optional("continuing_subword_prefix")
      endOfWordSuffix = try json.optional("end_of_word_suffix")
      fuseUnknown = try json.optional("fuse_unk")
      byteFallback = try json.optional("byte_fallback")
      ignoreMerges = try json.optional("ignore_merges")
      vocabulary = try json.member("vocab")
      merges = try Model.merges(json)
    }

    /// Merges are written as `["a", "b"]` today and as `"a b"` by older versions.
    private static func merges(_ json: JSONValue) throws -> [(String, String)] {
      if let lines = try? json.member("merges", as: [String].self) {
        return try lines.filter { !$0.hasPrefix("#version") }.map { line in
          let parts = line.split(separator: " ", omittingEmptySubsequences: false)
          guard parts.count == 2 else {
            throw TokenizerFileError.malformed("the merge '\(line)' does not have two parts")
          }
          return (String(parts[0]), String(parts[1]))
        }
      }
      return try json.member("merges", as: [[String]].self).map { parts in
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
