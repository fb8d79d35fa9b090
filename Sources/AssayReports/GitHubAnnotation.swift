/// Renders GitHub Actions' workflow commands.
package enum GitHubAnnotation {
  /// A command that shows an error beside a line of the changed code.
  ///
  /// - Parameters:
  ///   - file: The file, relative to the repository; `nil` where the error belongs to none.
  ///   - line: The line, from 1.
  ///   - title: A short title.
  ///   - message: The text, of any number of lines.
  /// - Returns: One line to print to standard output, without a newline at the end.
  package static func error(
    file: String? = nil, line: Int? = nil, title: String, message: String
  ) -> String {
    var properties: [String] = []
    if let file { properties.append("file=\(property(file))") }
    if let line { properties.append("line=\(line)") }
    properties.append("title=\(property(title))")
    return "::error \(properties.joined(separator: ","))::\(data(message))"
  }

  /// Text after the second `::`, in which only a line's end would end the command.
  private static func data(_ text: String) -> String { escaped(text, "%\r\n") }

  /// A property's value, which also ends at a comma or a colon.
  private static func property(_ text: String) -> String { escaped(text, "%\r\n:,") }

  private static func escaped(_ text: String, _ ends: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if ends.unicodeScalars.contains(scalar) {
        let code = String(scalar.value, radix: 16, uppercase: true)
        result.append(contentsOf: "%\(scalar.value < 16 ? "0" : "")\(code)".unicodeScalars)
      } else {
        result.append(scalar)
      }
    }
    return String(result)
  }
}
