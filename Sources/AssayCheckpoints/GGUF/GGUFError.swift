/// What can be wrong with a GGUF file.
package enum GGUFError: Error, Equatable, Sendable {
  /// The file cannot be opened.
  case unreadable(path: String, reason: String)
  /// The file is not GGUF, is cut, or contradicts itself.
  case damaged(path: String, reason: String)
  /// A key is missing or has a value that makes no sense.
  case invalidValue(path: String, key: String, reason: String)
  /// The file is sound, but holds something that is not read here.
  case unsupported(path: String, what: String)
  /// The file has no tensor of this name.
  case missingTensor(String, path: String)
  /// A bias is there, and others that go with it are not.
  case missingBiases([String], beside: String, path: String)
  /// A checkpoint cannot be written.
  case unwritable(path: String, reason: String)
}

extension GGUFError: CustomStringConvertible {
  /// What is wrong, where, and what was found.
  package var description: String {
    switch self {
    case .unreadable(let path, let reason): "cannot read \(path): \(reason)"
    case .damaged(let path, let reason): "\(path) is damaged: \(reason)"
    case .invalidValue(let path, let key, let reason): "\(path): the key \"\(key)\" \(reason)"
    case .unsupported(let path, let what): "\(path): \(what) is not supported"
    case .missingTensor(let name, let path): "\(path): tensor \"\(name)\" is missing"
    case .missingBiases(let names, let present, let path):
      "\(path): tensor \"\(present)\" is there, but "
        + names.prefix(4).map { "\"\($0)\"" }.joined(separator: ", ")
        + (names.count > 4 ? " and \(names.count - 4) more are" : names.count > 1 ? " are" : " is")
        + " missing; a Llama has the biases of its attention, or of its MLP, in all projections of "
        + "all layers or in none"
    case .unwritable(let path, let reason): "cannot write \(path): \(reason)"
    }
  }
}
