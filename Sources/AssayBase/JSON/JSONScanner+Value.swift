extension JSONScanner {
  /// Deeper nesting than anyone means; values are walked by recursion.
  private static let depthLimit = 512

  /// Reads a whole text by the grammar of JSON, extended by `NaN`, `Infinity` and `-Infinity`.
  ///
  /// Refuses what general readers let pass: keys that occur twice, comments, bare keys, UTF-16.
  static func value(
    of text: UnsafeRawBufferPointer, valueLimit: Int
  ) throws(Failure) -> JSONValue {
    var scanner = JSONScanner(text)
    var rest = valueLimit
    let value = try scanner.value(depth: 0, &rest)
    try scanner.end()
    return value
  }

  /// - Parameter rest: How many values may still come.
  private mutating func value(depth: Int, _ rest: inout Int) throws(Failure) -> JSONValue {
    guard depth < JSONScanner.depthLimit else {
      throw failure("values nested deeper than \(JSONScanner.depthLimit)")
    }
    guard rest > 0 else { throw failure("too many values") }
    rest -= 1
    switch nextByte() {
    case UInt8(ascii: "{"):
      var members: NameMap<JSONValue> = [:]
      try object { (scanner, key) throws(Failure) in
        guard members[key] == nil else {
          throw scanner.failure("the key \"\(key)\" a second time")
        }
        members[key] = try scanner.value(depth: depth + 1, &rest)
      }
      return .object(members)
    case UInt8(ascii: "["):
      var items: [JSONValue] = []
      try array { (scanner) throws(Failure) in
        items.append(try scanner.value(depth: depth + 1, &rest))
      }
      return .array(items)
    case UInt8(ascii: "\""):
      return .string(try string())
    default:
      return try scalarValue(scalar())
    }
  }

  private func scalarValue(_ word: UnsafeRawBufferPointer) throws(Failure) -> JSONValue {
    if JSONScanner.isNumber(word) { return try number(String(decoding: word, as: UTF8.self)) }
    switch String(decoding: word.prefix(10), as: UTF8.self) {
    case "true": return .bool(true)
    case "false": return .bool(false)
    case "null": return .null
    case "NaN": return JSONValue(real: .nan)
    case "Infinity": return JSONValue(real: .infinity)
    case "-Infinity": return JSONValue(real: -.infinity)
    default: throw failure(word.isEmpty ? "no value" : "something else than a value")
    }
  }

  /// A number as it is kept: an integer where it is one, and digits where only 64 unsigned bits are
  /// enough, as elements of uint64 are written.
  private func number(_ text: String) throws(Failure) -> JSONValue {
    guard let real = Double(text), real.isFinite else {
      throw failure("a number that is too large")
    }
    if real == 0, real.sign == .minus { return .number(real) }
    if let integer = Int64(text) { return .integer(integer) }
    if UInt64(text) != nil { return .string(text) }
    return Int64(exactly: real).map { .integer($0) } ?? .number(real)
  }

  /// Whether bytes are a number: `-`, digits without a leading zero, a fraction, an exponent.
  static func isNumber(_ word: UnsafeRawBufferPointer) -> Bool {
    var position = 0
    func digits() -> Int {
      let start = position
      while position < word.count, word[position] >= 0x30, word[position] <= 0x39 { position += 1 }
      return position - start
    }
    func take(_ character: Unicode.Scalar) -> Bool {
      guard position < word.count, word[position] == UInt8(ascii: character) else { return false }
      position += 1
      return true
    }
    _ = take("-")
    let first = position
    let count = digits()
    guard count == 1 || count > 1 && word[first] != UInt8(ascii: "0") else { return false }
    if take("."), digits() == 0 { return false }
    if take("e") || take("E") {
      _ = take("+") || take("-")
      if digits() == 0 { return false }
    }
    return position == word.count
  }
}
