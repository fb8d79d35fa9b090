import AssayComparison
import AssayRuns
import AssayTensors

/// Pieces of plain text that stay on their line and within their length.
enum PlainText {
  /// Text on one line: what would break it, move the cursor or turn the writing is escaped.
  ///
  /// - Parameter limit: The most bytes of UTF-8; longer text loses its middle.
  static func line(_ text: String, limit: Int) -> String {
    if text.utf8.count <= limit, text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return text }
    // Escapes only lengthen, so what is cut away need not be escaped.
    return shortened(escaped(shortened(text, limit: limit * 2)), limit: limit)
  }

  /// A call's name, with its number where it is not the first of the step.
  static func name(_ call: CallKey, limit: Int = 160) -> String {
    line(call.module, limit: limit) + (call.index == 0 ? "" : " (call \(call.index))")
  }

  /// A tensor's slot and device.
  static func name(_ tensor: TensorResult) -> String {
    "\(line(tensor.slot.rawValue, limit: 80)) on \(line(tensor.device.name, limit: 40))"
  }

  private static func escaped(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": result.append(contentsOf: "\\n".unicodeScalars)
      case "\r": result.append(contentsOf: "\\r".unicodeScalars)
      case "\t": result.append(contentsOf: "\\t".unicodeScalars)
      case _ where isHidden(scalar):
        result.append(
          contentsOf: "\\u{\(String(scalar.value, radix: 16, uppercase: true))}".unicodeScalars)
      default: result.append(scalar)
      }
    }
    return String(result)
  }

  private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned: true
    // Emoji are put together with the first two; the others can reorder a whole line.
    case .format: scalar.value != 0x200D && scalar.value != 0x200C
    default: false
    }
  }

  private static func shortened(_ text: String, limit: Int) -> String {
    guard text.utf8.count > limit else { return text }
    let room = max(limit - 3, 0)
    let head = prefix(text, bytes: room / 2)
    let tail = suffix(text, bytes: room - room / 2)
    return head + "…" + tail
  }

  private static func prefix(_ text: String, bytes: Int) -> String {
    var end = text.utf8.index(text.startIndex, offsetBy: bytes)
    while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
    return String(text[..<end])
  }

  private static func suffix(_ text: String, bytes: Int) -> String {
    var start = text.utf8.index(text.endIndex, offsetBy: -bytes)
    while start.samePosition(in: text.unicodeScalars) == nil {
      start = text.utf8.index(after: start)
    }
    return String(text[start...])
  }
}
