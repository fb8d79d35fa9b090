extension PythonPattern {
  /// The members of `\d`, `\s` or `\w`, to stand in a class.
  private static func members(_ letter: Unicode.Scalar, _ flags: Flags) -> String {
    switch letter {
    case "d": flags.ascii ? "0-9" : "\\p{Nd}"
    case "s":
      flags.ascii ? "\\x{9}-\\x{d}\\x{20}" : "\\x{9}-\\x{d}\\x{1c}-\\x{20}\\x{85}\\p{Z}"
    default: flags.ascii ? "a-zA-Z0-9_" : "\\p{L}\\p{N}_"
    }
  }

  /// A class of its own for `\d`, `\D`, `\s`, `\S`, `\w` or `\W`; `nil` for another letter.
  private static func category(_ letter: Unicode.Scalar, _ flags: Flags) -> String? {
    switch letter {
    case "d", "s", "w": "[" + members(letter, flags) + "]"
    case "D": "[^" + members("d", flags) + "]"
    case "S": "[^" + members("s", flags) + "]"
    case "W": "[^" + members("w", flags) + "]"
    default: nil
    }
  }

  /// Reads what follows a backslash outside a class.
  mutating func escape(_ flags: Flags) throws -> Piece {
    guard let scalar = take() else { throw Refusal(text: "bad escape (end of pattern)") }
    let single = Width(least: 1, most: 1)
    if let text = Self.category(scalar, flags) { return Piece(text: text, width: single) }
    let word = "[" + Self.members("w", flags) + "]"
    switch scalar {
    case "A": return Piece(text: "\\A", kind: .position)
    case "Z": return Piece(text: "\\z", kind: .position)
    case "b":
      let text = "(?:(?<=\(word))(?!\(word))|(?<!\(word))(?=\(word)))"
      return Piece(text: text, kind: .position)
    case "B":
      let text = "(?:(?<=\(word))(?=\(word))|(?<!\(word))(?!\(word)))"
      return Piece(text: text, kind: .position)
    case "1"..."9":
      return try decimalEscape(scalar)
    default:
      return Piece(text: Self.literal(try character(afterBackslash: scalar)), width: single)
    }
  }

  /// A reference to a group, or three octal digits.
  private mutating func decimalEscape(_ first: Unicode.Scalar) throws -> Piece {
    var digits = String(first)
    if let second = next, second.isDigit {
      position += 1
      digits.unicodeScalars.append(second)
      if first.isOctalDigit, second.isOctalDigit, let third = next, third.isOctalDigit {
        position += 1
        digits.unicodeScalars.append(third)
        let text = Self.literal(try Self.octal(digits))
        return Piece(text: text, width: Width(least: 1, most: 1))
      }
    }
    return try reference(toGroup: (Int(digits) ?? 0) - 1)
  }

  private static func octal(_ digits: String) throws -> Unicode.Scalar {
    guard let value = UInt8(digits, radix: 8) else {
      throw Refusal(text: "octal escape value \\\(digits) outside of range 0-0o377")
    }
    return Unicode.Scalar(value)
  }

  /// A single character that is written with a backslash.
  private mutating func character(afterBackslash scalar: Unicode.Scalar) throws -> Unicode.Scalar {
    switch scalar {
    case "a": return "\u{7}"
    case "f": return "\u{C}"
    case "n": return "\n"
    case "r": return "\r"
    case "t": return "\t"
    case "v": return "\u{B}"
    case "x": return try hexadecimal(scalar, count: 2)
    case "u": return try hexadecimal(scalar, count: 4)
    case "U": return try hexadecimal(scalar, count: 8)
    case "N": throw Refusal(text: "characters by name, \\N{…}, are not supported")
    case "0"..."7":
      return try Self.octal(String(scalar) + take(while: \.isOctalDigit, atMost: 2))
    default:
      guard !scalar.isASCIILetter, !scalar.isDigit else {
        throw Refusal(text: "bad escape \\\(scalar)")
      }
      return scalar
    }
  }

  private mutating func hexadecimal(
    _ letter: Unicode.Scalar, count: Int
  ) throws -> Unicode.Scalar {
    let digits = take(while: \.isHexDigit, atMost: count)
    guard digits.count == count, let value = UInt32(digits, radix: 16),
      let scalar = Unicode.Scalar(value)
    else { throw Refusal(text: "incomplete or bad escape \\\(letter)\(digits)") }
    return scalar
  }

  private enum Member {
    case character(Unicode.Scalar)
    case category(String)
  }

  /// Reads what follows an opening bracket.
  mutating func characterClass(_ flags: Flags) throws -> String {
    var text = take("^") ? "[^" : "["
    var isFirst = true
    while true {
      if !isFirst, take("]") { return text + "]" }
      isFirst = false
      let low = try classMember(flags)
      guard next == "-" else {
        text += Self.text(of: low)
        continue
      }
      position += 1
      guard next != nil else { throw Self.unterminatedClass }
      if take("]") { return text + Self.text(of: low) + Self.literal("-") + "]" }
      let high = try classMember(flags)
      guard case .character(let first) = low, case .character(let last) = high, first <= last
      else { throw Refusal(text: "bad character range") }
      text += Self.literal(first) + "-" + Self.literal(last)
    }
  }

  private static let unterminatedClass = Refusal(text: "unterminated character set")

  private static func text(of member: Member) -> String {
    switch member {
    case .character(let scalar): literal(scalar)
    case .category(let text): text
    }
  }

  private mutating func classMember(_ flags: Flags) throws -> Member {
    guard let scalar = take() else { throw Self.unterminatedClass }
    guard scalar == "\\" else { return .character(scalar) }
    guard let escaped = take() else { throw Refusal(text: "bad escape (end of pattern)") }
    if let category = Self.category(escaped, flags) { return .category(category) }
    return .character(escaped == "b" ? "\u{8}" : try character(afterBackslash: escaped))
  }
}
