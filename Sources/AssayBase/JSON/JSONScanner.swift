/// Reads JSON text in one pass, into whatever its user makes of the values that it meets.
package struct JSONScanner {
  /// Why the text is not what was asked for.
  package struct Failure: Error, Equatable {
    package var reason: String

    package init(_ reason: String) {
      self.reason = reason
    }
  }

  private let text: UnsafeRawBufferPointer
  private var position = 0

  /// Begins at the first byte; the text must outlive the scanner.
  package init(_ text: UnsafeRawBufferPointer) {
    self.text = text
  }

  /// Reads an object, calling `member` behind each key's colon.
  package mutating func object(
    _ member: (inout JSONScanner, String) throws(Failure) -> Void
  ) throws(Failure) {
    try expect("{")
    if take("}") { return }
    repeat {
      let key = try string()
      try expect(":")
      try member(&self, key)
    } while take(",")
    try expect("}")
  }

  /// Reads an array of integers that are not negative.
  package mutating func naturals(atMost limit: Int) throws(Failure) -> [Int] {
    try expect("[")
    if take("]") { return [] }
    var values: [Int] = []
    repeat {
      guard values.count < limit else { throw failure("more than \(limit) integers") }
      values.append(try natural())
    } while take(",")
    try expect("]")
    return values
  }

  /// Reads a string with its escapes.
  package mutating func string() throws(Failure) -> String {
    try expect("\"")
    let start = position
    var isEscaped = false
    while position < text.count, text[position] != UInt8(ascii: "\"") {
      guard text[position] >= 0x20 else { throw failure("a control character in a string") }
      if text[position] == UInt8(ascii: "\\") {
        isEscaped = true
        position += 1
      }
      position += 1
    }
    guard position < text.count else { throw failure("a string without an end") }
    let bytes = UnsafeRawBufferPointer(rebasing: text[start..<position])
    position += 1
    guard let string = String(validating: bytes, as: UTF8.self) else {
      throw failure("text that is not UTF-8")
    }
    return isEscaped ? try unescape(string) : string
  }

  /// The deepest nesting that is passed over, as in the official reader of safetensors.
  private static let skipLimit = 125

  /// Passes over any value.
  package mutating func skipValue(depth: Int = 0) throws(Failure) {
    func checkDepth() throws(Failure) {
      guard depth < JSONScanner.skipLimit else {
        throw failure("values nested deeper than \(JSONScanner.skipLimit)")
      }
    }
    skipSpace()
    guard position < text.count else { throw failure("no value") }
    switch text[position] {
    case UInt8(ascii: "{"):
      try checkDepth()
      try object { (scanner, _) throws(Failure) in try scanner.skipValue(depth: depth + 1) }
    case UInt8(ascii: "["):
      try checkDepth()
      try array { (scanner) throws(Failure) in try scanner.skipValue(depth: depth + 1) }
    case UInt8(ascii: "\""):
      _ = try string()
    default:
      let word = scalar()
      guard
        ["true", "false", "null"].contains(where: { word.elementsEqual($0.utf8) })
          || JSONScanner.isNumber(word)
      else { throw failure(word.isEmpty ? "no value" : "something else than a value") }
    }
  }

  /// Passes over `null`.
  package mutating func skipNull() throws(Failure) {
    guard scalar().elementsEqual("null".utf8) else { throw failure("no null") }
  }

  /// Reads an array, calling `item` at each item.
  package mutating func array(
    _ item: (inout JSONScanner) throws(Failure) -> Void
  ) throws(Failure) {
    try expect("[")
    if take("]") { return }
    repeat { try item(&self) } while take(",")
    try expect("]")
  }

  /// The byte that the next value begins with, or `nil` at the end.
  package mutating func nextByte() -> UInt8? {
    skipSpace()
    return position < text.count ? text[position] : nil
  }

  /// Passes over a number or a word; of no bytes where there is none.
  package mutating func scalar() -> UnsafeRawBufferPointer {
    skipSpace()
    let start = position
    while position < text.count, JSONScanner.isScalar(text[position]) { position += 1 }
    return UnsafeRawBufferPointer(rebasing: text[start..<position])
  }

  /// Makes sure that nothing but white space follows.
  package mutating func end() throws(Failure) {
    skipSpace()
    guard position == text.count else { throw failure("more text behind the end") }
  }
}

extension JSONScanner {
  package func failure(_ reason: String) -> Failure {
    Failure("\(reason) at byte \(position) of the JSON")
  }

  private static func isScalar(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"),
      UInt8(ascii: "."):
      true
    default: false
    }
  }

  private mutating func skipSpace() {
    while position < text.count {
      switch text[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < text.count, text[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(Failure) {
    guard take(character) else { throw failure("no \"\(character)\"") }
  }

  private mutating func natural() throws(Failure) -> Int {
    skipSpace()
    let start = position
    var value = 0
    while position < text.count, case let byte = text[position], byte >= 0x30, byte <= 0x39 {
      // 17 digits hold every size that a file can have, and cannot overflow.
      guard position - start < 17 else { throw failure("an integer that is too large") }
      value = value * 10 + Int(byte - 0x30)
      position += 1
    }
    guard position > start else { throw failure("no integer of at least 0") }
    return value
  }

  private func unescape(_ string: String) throws(Failure) -> String {
    var units: [UInt16] = []
    var rest = string.utf16[...]
    while let unit = rest.popFirst() {
      guard unit == UInt16(UInt8(ascii: "\\")) else {
        units.append(unit)
        continue
      }
      let escape = rest.popFirst().flatMap(Unicode.Scalar.init)
      switch escape {
      case "\"", "\\", "/": units.append(UInt16(escape?.value ?? 0))
      case "b": units.append(0x08)
      case "f": units.append(0x0C)
      case "n": units.append(0x0A)
      case "r": units.append(0x0D)
      case "t": units.append(0x09)
      case "u":
        let digits = String(decoding: rest.prefix(4), as: UTF16.self)
        guard digits.utf8.count == 4, digits.allSatisfy(\.isHexDigit),
          let value = UInt16(digits, radix: 16)
        else { throw failure("a bad \\u escape before") }
        units.append(value)
        rest = rest.dropFirst(4)
      default: throw failure("a bad escape before")
      }
    }
    guard let result = String(validating: units, as: UTF16.self) else {
      throw failure("half a surrogate pair before")
    }
    return result
  }
}
