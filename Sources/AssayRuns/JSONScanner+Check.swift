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
    var scanner = JSONScanner(text)
    var state = CheckState(rest: valueLimit)
    try scanner.check(depth: 0, &state)
    try scanner.end()
    return state.hasNonFinite
  }

  private struct CheckState {
    /// How many values may still come.
    var rest: Int
    var hasNonFinite = false
  }

  private mutating func check(depth: Int, _ state: inout CheckState) throws(Failure) {
    guard depth < JSONScanner.depthLimit else {
      throw failure("values nested deeper than \(JSONScanner.depthLimit)")
    }
    guard state.rest > 0 else { throw failure("too many values") }
    state.rest -= 1
    switch nextByte() {
    case UInt8(ascii: "{"):
      var keys: Set<String> = []
      try object { (scanner, key) throws(Failure) in
        guard keys.insert(key).inserted else {
          throw scanner.failure("the key \"\(key)\" a second time")
        }
        try scanner.check(depth: depth + 1, &state)
      }
    case UInt8(ascii: "["):
      try array { (scanner) throws(Failure) in try scanner.check(depth: depth + 1, &state) }
    case UInt8(ascii: "\""):
      _ = try string()
    default:
      let word = scalar()
      switch String(decoding: word.prefix(10), as: UTF8.self) {
      case "true", "false", "null": break
      case "NaN", "Infinity", "-Infinity": state.hasNonFinite = true
      default:
        guard JSONScanner.isNumber(word) else {
          throw failure(word.isEmpty ? "no value" : "something else than a value")
        }
      }
    }
  }

  /// Whether bytes are a number: `-`, digits without a leading zero, a fraction, an exponent.
  private static func isNumber(_ word: UnsafeRawBufferPointer) -> Bool {
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
