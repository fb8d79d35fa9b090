/// What the operating system refused to do with a file.
public enum FileError: Error, Equatable, Sendable {
  /// A file could not be opened, measured or mapped.
  case unreadable(path: String, reason: String)
  /// A file or folder could not be written; nothing of it was left behind.
  case unwritable(path: String, reason: String)
}

extension FileError: CustomStringConvertible {
  /// What is wrong, for people.
  public var description: String {
    switch self {
    case .unreadable(let path, let reason): "cannot read \(path): \(reason)"
    case .unwritable(let path, let reason): "cannot write \(path): \(reason)"
    }
  }

  /// The text for a message that names the file itself.
  package var reason: String {
    switch self {
    case .unreadable(_, let reason), .unwritable(_, let reason): reason
    }
  }
}
