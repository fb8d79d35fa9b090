import AssayTorch

extension TorchError {
  /// The error's text for a message that has named the file already.
  func reason(about file: String) -> String {
    switch self {
    case .unreadable(_, let reason), .unwritable(_, let reason): return reason
    default:
      let text = description
      return text.hasPrefix(file + " ") ? "it" + text.dropFirst(file.count) : text
    }
  }
}
