/// Fixed-length strings as they are read.
enum FixedText {
  /// What stands behind a text that is shorter than its field.
  enum Padding: Equatable { case endsWithNUL, nul, space }

  /// The text without its padding, or `nil` where it is not UTF-8.
  static func decode(_ bytes: UnsafeRawBufferPointer, _ padding: Padding) -> String? {
    var text = bytes[...]
    switch padding {
    case .endsWithNUL: text = text.prefix { $0 != 0 }
    case .space: while text.last == 0x20 { text.removeLast() }
    case .nul: while text.last == 0 { text.removeLast() }
    }
    return String(validating: text, as: UTF8.self)
  }
}
