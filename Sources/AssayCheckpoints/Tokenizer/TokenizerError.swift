/// What can go wrong with a tokenizer.
public enum TokenizerError: Error, Equatable, Sendable {
  /// The file cannot be read.
  case unreadable(path: String, reason: String)
  /// The file is not what a `tokenizer.json` must be.
  case malformed(path: String, reason: String)
  /// The file asks for something that this tokenizer does not do.
  case unsupported(path: String, feature: String)
  /// A token id that the tokenizer does not have.
  case unknownToken(Int)
  /// A pattern by which the tokenizer cuts text takes too long.
  case unfinishedPattern(String)
}

extension TokenizerError: CustomStringConvertible {
  /// What went wrong, with which file.
  public var description: String {
    switch self {
    case .unreadable(let path, let reason):
      "cannot read the tokenizer \(path): \(reason)"
    case .malformed(let path, let reason):
      "\(path) is not a tokenizer: \(reason)"
    case .unsupported(let path, let feature):
      "\(path) asks for \(feature); only byte-level BPE tokenizers are supported"
    case .unknownToken(let id):
      "the tokenizer has no token \(id)"
    case .unfinishedPattern(let pattern):
      "the tokenizer's pattern \"\(pattern)\" takes too long on this text"
    }
  }
}

/// Why the content of a tokenizer file is refused; the path is added where the file is known.
enum TokenizerFileError: Error {
  case malformed(String)
  case unsupported(String)
}
