import Foundation

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
    }
  }

  /// The shortest text that says where and why decoding failed.
  static func text(of error: any Error) -> String {
    guard let error = error as? DecodingError else { return error.localizedDescription }
    let context: DecodingError.Context
    var found = ""
    switch error {
    case .typeMismatch(_, let value), .dataCorrupted(let value): context = value
    case .valueNotFound(_, let value): context = value
    case .keyNotFound(let key, let value):
      context = value
      found = "key '\(key.stringValue)' is missing"
    @unknown default: return "\(error)"
    }
    let path = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
    let reason = found.isEmpty ? context.debugDescription : found
    return path.isEmpty ? reason : "\(path.joined(separator: ".")): \(reason)"
  }
}

/// Why the content of a tokenizer file is refused; the path is added where the file is known.
enum TokenizerFileError: Error {
  case malformed(String)
  case unsupported(String)
}
