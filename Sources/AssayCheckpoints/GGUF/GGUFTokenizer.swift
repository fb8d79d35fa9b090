import AssayBase
import AssayRuns

/// The tokenizer of a GGUF file as the two files of a Hugging Face tokenizer.
///
/// Only byte-level BPE, and of its pre-tokenizers only those that llama.cpp and Hugging Face do
/// alike; any other is ``GGUFError/unsupported(path:what:)``.
struct GGUFTokenizer {
  /// The content of `tokenizer.json`.
  let json: JSONValue
  /// The content of `tokenizer_config.json`.
  let configuration: JSONValue

  init(_ metadata: GGUFMetadata) throws(GGUFError) {
    let kind = try GGUFTokenizer.kind(metadata)
    let vocabulary = try GGUFVocabulary(metadata)
    var template = Template()
    if try metadata.flag("tokenizer.ggml.add_bos_token") ?? kind.addsBeginning {
      template.before = try vocabulary.requiredToken("bos", metadata)
    }
    if try metadata.flag("tokenizer.ggml.add_eos_token") ?? false {
      template.after = try vocabulary.requiredToken("eos", metadata)
    }
    json = .object([
      "version": .string("1.0"), "truncation": .null, "padding": .null, "normalizer": .null,
      "added_tokens": vocabulary.addedTokens,
      "pre_tokenizer": kind.preTokenizer,
      "post_processor": template.json,
      "decoder": PreTokenization.byteLevel(usesRegex: true),
      "model": .object([
        "type": .string("BPE"), "dropout": .null, "unk_token": .null,
        "continuing_subword_prefix": .null, "end_of_word_suffix": .null,
        "fuse_unk": .bool(false), "byte_fallback": .bool(false),
        "ignore_merges": .bool(kind.ignoresMerges),
        "vocab": vocabulary.json, "merges": try vocabulary.merges(metadata),
      ]),
    ])
    var members: [String: JSONValue] = [
      // The class that takes tokenizer.json as it is.
      "tokenizer_class": .string("PreTrainedTokenizerFast"),
      "clean_up_tokenization_spaces": .bool(false),
    ]
    for (name, token) in vocabulary.named {
      members[name + "_token"] = .string(token.content)
    }
    if let length = try metadata.size("llama.context_length") {
      members["model_max_length"] = .integer(Int64(length))
    }
    if let template = try metadata.string("tokenizer.chat_template") {
      members["chat_template"] = .string(template)
    }
    configuration = .object(members)
  }

  /// What a pre-tokenizer that GGUF names does, if it is one that can be converted.
  private static func kind(_ metadata: GGUFMetadata) throws(GGUFError) -> PreTokenization {
    func unsupported(_ what: String) -> GGUFError { .unsupported(path: metadata.path, what: what) }
    let model = try metadata.string("tokenizer.ggml.model") ?? "that is not named"
    guard model == "gpt2" else {
      let families = [
        "llama": "SentencePiece", "bert": "WordPiece", "t5": "Unigram", "rwkv": "RWKV",
      ]
      let family = families[model].map { " (\($0))" } ?? ""
      throw unsupported("the tokenizer \(model)\(family)")
    }
    guard let name = try metadata.string("tokenizer.ggml.pre") else {
      throw unsupported("a tokenizer without the key \"tokenizer.ggml.pre\"")
    }
    guard let kind = PreTokenization(named: name) else {
      throw unsupported("the pre-tokenizer \(name)")
    }
    // llama.cpp never adds this space to byte-level text, Hugging Face does.
    if try metadata.flag("tokenizer.ggml.add_space_prefix") == true {
      throw unsupported("a space before byte-level text")
    }
    return kind
  }
}

/// How byte-level tokenizers cut text into words.
private enum PreTokenization {
  /// GPT-2's pattern.
  case words
  /// Every digit by itself, then GPT-2's pattern.
  case digits
  /// Llama 3's pattern; whole words of the vocabulary are taken without merging.
  case llama3

  init?(named name: String) {
    switch name {
    case "gpt-2", "phi-2": self = .words
    case "smollm", "starcoder", "refact": self = .digits
    case "llama-bpe", "llama3", "llama-v3": self = .llama3
    default: return nil
    }
  }

  var ignoresMerges: Bool { self == .llama3 }

  /// Whether the token that begins a text is added where the file does not say.
  var addsBeginning: Bool { self == .llama3 }

  var preTokenizer: JSONValue {
    switch self {
    case .words: PreTokenization.byteLevel(usesRegex: true)
    case .digits:
      PreTokenization.sequence([
        .object(["type": .string("Digits"), "individual_digits": .bool(true)]),
        PreTokenization.byteLevel(usesRegex: true),
      ])
    case .llama3:
      PreTokenization.sequence([
        .object([
          "type": .string("Split"), "behavior": .string("Isolated"), "invert": .bool(false),
          "pattern": .object(["Regex": .string(PreTokenization.llama3Pattern)]),
        ]),
        PreTokenization.byteLevel(usesRegex: false),
      ])
    }
  }

  private static let llama3Pattern =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"#
    + #" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  static func byteLevel(usesRegex: Bool) -> JSONValue {
    .object([
      "type": .string("ByteLevel"), "add_prefix_space": .bool(false), "trim_offsets": .bool(true),
      "use_regex": .bool(usesRegex),
    ])
  }

  private static func sequence(_ members: [JSONValue]) -> JSONValue {
    .object(["type": .string("Sequence"), "pretokenizers": .array(members)])
  }
}

/// The tokens that are put around a text.
private struct Template {
  var before: GGUFVocabulary.Token?
  var after: GGUFVocabulary.Token?

  var json: JSONValue {
    let tokens = [before, after].compactMap(\.self)
    guard !tokens.isEmpty else { return .null }
    func pieces(_ text: String, type: Int64) -> [JSONValue] {
      func piece(_ kind: String, _ id: String) -> JSONValue {
        .object([kind: .object(["id": .string(id), "type_id": .integer(type)])])
      }
      return (before.map { [piece("SpecialToken", $0.content)] } ?? [])
        + [piece("Sequence", text)] + (after.map { [piece("SpecialToken", $0.content)] } ?? [])
    }
    var named: [String: JSONValue] = [:]
    for token in tokens {
      named[token.content] = .object([
        "id": .string(token.content), "ids": .array([.integer(Int64(token.id))]),
        "tokens": .array([.string(token.content)]),
      ])
    }
    return .object([
      "type": .string("TemplateProcessing"), "single": .array(pieces("A", type: 0)),
      "pair": .array(pieces("A", type: 0) + pieces("B", type: 1)),
      "special_tokens": .object(named),
    ])
  }
}
