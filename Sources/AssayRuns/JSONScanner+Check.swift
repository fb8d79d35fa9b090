import AssayBase
import AssayTensors

extension JSONScanner {
  /// Deeper nesting than anyone means; values are walked by recursion.
  private static let depthLimit = 512

  /// Checks a whole text by the grammar of JSON, extended by `NaN`, `Infinity` and `-Infinity`.
  ///
  /// Refuses what general decoders let pass: keys that occur twice, comments, bare keys, UTF-16.
  ///
  /// - Returns: Whether one of the three extensions occurs.
  static func check(
    _ text: UnsafeRawBufferPointer, valueLimit: Int
  ) throws(Failure) -> Bool {
    var state = WalkState(rest: valueLimit, sameKeys: .text)
    _ = try walk(text, &state)
    return state.hasNonFinite
  }

  /// Reads a whole text by the same grammar.
  static func value(
    of text: UnsafeRawBufferPointer, valueLimit: Int
  ) throws(Failure) -> JSONValue {
    var state = WalkState(rest: valueLimit, sameKeys: .bytes, values: true)
    return try walk(text, &state) ?? .null
  }

  private struct WalkState {
    enum Sameness { case text, bytes }

    /// How many values may still come.
    var rest: Int
    /// Foundation's decoder takes keys for the same that are in two Unicode spellings.
    var sameKeys: Sameness
    /// Whether the values are wanted.
    var values = false
    var hasNonFinite = false
  }

  private static func walk(
    _ text: UnsafeRawBufferPointer, _ state: inout WalkState
  ) throws(Failure) -> JSONValue? {
    var scanner = JSONScanner(text)
    let value = try scanner.walk(depth: 0, &state)
    try scanner.end()
    return value
  }

  private mutating func walk(depth: Int, _ state: inout WalkState) throws(Failure) -> JSONValue? {
    guard depth < JSONScanner.depthLimit else {
      throw failure("values nested deeper than \(JSONScanner.depthLimit)")
    }
    guard state.rest > 0 else { throw failure("too many values") }
    state.rest -= 1
    switch nextByte() {
    case UInt8(ascii: "{"):
      var members: NameMap<JSONValue> = [:]
      var texts: Set<String> = []
      try object { (scanner, key) throws(Failure) in
        let isNew =
          state.sameKeys == .bytes ? members[key] == nil : texts.insert(key).inserted
        guard isNew else { throw scanner.failure("the key \"\(key)\" a second time") }
        let value = try scanner.walk(depth: depth + 1, &state) ?? .null
        if state.sameKeys == .bytes { members[key] = value }
      }
      return state.values ? .object(members) : nil
    case UInt8(ascii: "["):
      var items: [JSONValue] = []
      try array { (scanner) throws(Failure) in
        if let item = try scanner.walk(depth: depth + 1, &state) { items.append(item) }
      }
      return state.values ? .array(items) : nil
    case UInt8(ascii: "\""):
      let text = try string()
      return state.values ? .string(text) : nil
    default:
      let word = scalar()
      return try scalarValue(word, &state)
    }
  }

  private func scalarValue(
    _ word: UnsafeRawBufferPointer, _ state: inout WalkState
  ) throws(Failure) -> JSONValue? {
    switch String(decoding: word.prefix(10), as: UTF8.self) {
    case "true": return .bool(true)
    case "false": return .bool(false)
    case "null": return .null
    case "NaN", "Infinity", "-Infinity":
      state.hasNonFinite = true
      let value: Double = word.count == 3 ? .nan : word.count == 8 ? .infinity : -.infinity
      return JSONValue(real: value)
    default:
      guard JSONScanner.isNumber(word) else {
        throw failure(word.isEmpty ? "no value" : "something else than a value")
      }
      return state.values ? try number(String(decoding: word, as: UTF8.self)) : nil
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
    var rest = word[...]
    func digits() -> Int {
      let count = rest.prefix { (0x30...0x39).contains($0) }.count
      rest = rest.dropFirst(count)
      return count
    }
    func take(_ characters: String) -> Bool {
      guard let byte = rest.first, characters.utf8.contains(byte) else { return false }
      rest = rest.dropFirst()
      return true
    }
    _ = take("-")
    let hasLeadingZero = rest.first == UInt8(ascii: "0")
    let count = digits()
    guard count == 1 || count > 1 && !hasLeadingZero else { return false }
    if take("."), digits() == 0 { return false }
    if take("eE") {
      _ = take("+-")
      if digits() == 0 { return false }
    }
    return rest.isEmpty
  }
}
