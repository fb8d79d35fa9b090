import AssayTensors
import Foundation

/// Pieces of GitHub markdown whose content cannot break out of its place.
enum MarkdownText {
  /// Inline code that may stand anywhere, in a table cell too.
  static func code(_ text: String) -> String {
    // A table takes `|` for a cell's end even in code, and a line break for the row's end.
    let isPlain = text.unicodeScalars.allSatisfy {
      $0 != "|" && $0 != "`" && !isControl($0)
    }
    if isPlain, let first = text.first, first != " ", text.last != " ", text.last != "\\" {
      return "`\(text)`"
    }
    return "<code>\(entities(text))</code>"
  }

  /// Running text on one line, shown as it is.
  static func plain(_ text: String) -> String {
    var result = ""
    var previous: Unicode.Scalar = " "
    let scalars = Array(text.unicodeScalars)
    for (position, scalar) in scalars.enumerated() {
      let next = position + 1 < scalars.count ? scalars[position + 1] : " "
      switch scalar {
      case "\\", "`", "*", "<", ">", "|", "~", "&": result += "\\\(scalar)"
      case "_" where !(isWord(previous) && isWord(next)): result += "\\_"
      case "(" where previous == "]", "[" where previous == "]" || previous == "!":
        result += "\\\(scalar)"
      case "#" where position == 0, "-" where position == 0, "+" where position == 0:
        result += "\\\(scalar)"
      case _ where isControl(scalar): result += " "
      default: result.unicodeScalars.append(scalar)
      }
      previous = scalar
    }
    return result
  }

  /// A table with a heading row; numbers to the right.
  static func table(_ heading: [String], rightAligned: Set<Int> = [], _ rows: [[String]]) -> String
  {
    let rule = heading.indices.map { rightAligned.contains($0) ? "---:" : "---" }
    return ([heading, rule] + rows)
      .map { "| " + $0.joined(separator: " | ") + " |\n" }.joined()
  }

  /// A figure in three digits: `0.0123`, `1.2e-7`, `inf`.
  static func number(_ value: Double?) -> String { value.map { format($0, digits: 3) } ?? "–" }

  /// A bound in three digits, rounded up: what is printed passes whatever the bound passes.
  static func bound(_ value: Double?) -> String {
    guard let value, value.isFinite, value > 0 else { return number(value) }
    let parts = String(format: "%.2e", value).split(separator: "e")
    guard
      let digits = Int(parts[0].filter { $0 != "." }), let exponent = Int(parts[1]),
      let nearest = Double("\(digits)e\(exponent - 2)"),
      let rounded = Double("\(nearest < value ? digits + 1 : digits)e\(exponent - 2)"),
      rounded.isFinite
    else { return exact(value) }
    return format(rounded, digits: 3)
  }

  /// A number in as many digits as it takes to read the same one back.
  static func exact(_ value: Double) -> String {
    (3..<17).lazy.map { format(value, digits: $0) }.first { Double($0) == value }
      ?? format(value, digits: 17)
  }

  /// An element's value in as many digits as its dtype needs to be told from its neighbours.
  static func value(_ value: Double, _ dtype: DType?) -> String {
    switch dtype {
    case .float64, .complex128, .int64, .uint64: format(value, digits: 17)
    case .float16, .bfloat16, .float8_e4m3fn, .float8_e5m2, .float8_e4m3fnuz, .float8_e5m2fnuz,
      .float8_e8m0fnu, .float4_e2m1fn_x2, .complex32:
      format(value, digits: 5)
    default: format(value, digits: 9)
    }
  }

  /// A count with its unit: `1 tensor`, `2 tensors`.
  static func count(_ count: Int, _ unit: String) -> String {
    "\(count) \(unit)\(count == 1 ? "" : "s")"
  }

  /// An element's index along every axis between two texts; nothing for a scalar.
  static func index(_ offset: Int?, _ shape: Shape?, _ before: String, _ after: String) -> String {
    guard let offset, let shape, shape.rank > 0 else { return "" }
    return "\(before)\(shape.index(ofElement: offset))\(after)"
  }

  /// A number in so many significant digits, as C's `%g` writes it but for the exponent's zeros.
  static func format(_ value: Double, digits: Int) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    let text = String(format: "%.\(digits)g", value)
    guard let e = text.firstIndex(of: "e") else { return text }
    let exponent = Int(text[text.index(after: e)...].drop { $0 == "+" }) ?? 0
    return "\(text[..<e])e\(exponent)"
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator, .surrogate: true
    default: false
    }
  }

  private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
  }

  private static func entities(_ text: String) -> String {
    text.unicodeScalars.map { scalar in
      if scalar == "\n" { return "&#92;n" }
      if isControl(scalar) { return "&#65533;" }
      let isSafe = isWord(scalar) || [".", "-", "/", ":", " ", "="].contains(scalar)
      return isSafe ? String(scalar) : "&#\(scalar.value);"
    }.joined()
  }
}
