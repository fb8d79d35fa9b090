/// Reads the few forms of Python's text that a `.npy` header is made of; nothing is evaluated.
struct PythonLiteral {
  private let text: UnsafeRawBufferPointer
  private var position = 0

  /// Begins at the first byte; the text must outlive the scanner.
  init(_ text: UnsafeRawBufferPointer) { self.text = text }

  /// Reads a dictionary with keys that are strings, and white space up to the end of the text.
  ///
  /// - Parameter value: Reads the value of a key.
  mutating func dictionary(
    _ value: (inout PythonLiteral, String) throws(NumPyHeader.Failure) -> Void
  ) throws(NumPyHeader.Failure) {
    try expect("{")
    while !take("}") {
      guard let key = try stringIfAny() else { throw failure("a key that is no string") }
      try expect(":")
      try value(&self, key)
      guard !take(",") else { continue }
      try expect("}")
      break
    }
    skipSpace()
    guard position == text.count else { throw failure("more than one dictionary") }
  }

  /// Reads a string; `nil` where another kind of value stands.
  mutating func stringIfAny() throws(NumPyHeader.Failure) -> String? {
    skipSpace()
    guard position < text.count, "'\"".utf8.contains(text[position]) else { return nil }
    let quote = text[position]
    let start = position + 1
    guard let end = text[start...].firstIndex(of: quote) else {
      throw failure("a string without an end")
    }
    position = end + 1
    let bytes = text[start..<end]
    guard !bytes.contains(UInt8(ascii: "\\")), let found = String(validating: bytes, as: UTF8.self)
    else { throw failure("a string with an escape") }
    return found
  }

  mutating func bool() throws(NumPyHeader.Failure) -> Bool {
    if take("True") { return true }
    if take("False") { return false }
    throw failure("neither True nor False where one of them should be")
  }

  /// Reads a tuple of integers that are not negative; Python 2 wrote an L behind large ones.
  mutating func tuple(atMost limit: Int) throws(NumPyHeader.Failure) -> [Int] {
    try expect("(")
    var values: [Int] = []
    while !take(")") {
      guard values.count < limit else { throw failure("a shape of more than \(limit) axes") }
      values.append(try natural())
      _ = take("L")
      guard !take(",") else { continue }
      // One value in parentheses is no tuple.
      guard values.count > 1 else { throw failure("a shape that is no tuple") }
      try expect(")")
      break
    }
    return values
  }

  private mutating func natural() throws(NumPyHeader.Failure) -> Int {
    skipSpace()
    let digits = text[position...].prefix { (0x30...0x39).contains($0) }
    guard let value = Int(String(decoding: digits, as: UTF8.self)) else {
      throw failure("an extent that is no number of elements")
    }
    position = digits.endIndex
    return value
  }

  private mutating func take(_ word: StaticString) -> Bool {
    skipSpace()
    let count = word.utf8CodeUnitCount
    guard text.count - position >= count,
      word.withUTF8Buffer({ $0.elementsEqual(text[position..<position + count]) })
    else { return false }
    position += count
    return true
  }

  private mutating func expect(_ word: StaticString) throws(NumPyHeader.Failure) {
    guard take(word) else { throw failure("no \(word) where one should be") }
  }

  private mutating func skipSpace() {
    while position < text.count, [0x20, 0x09, 0x0A, 0x0D].contains(text[position]) { position += 1 }
  }

  private func failure(_ what: String) -> NumPyHeader.Failure {
    NumPyHeader.Failure("its header has \(what), at byte \(position)")
  }
}
