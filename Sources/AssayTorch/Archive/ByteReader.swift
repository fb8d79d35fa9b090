/// Reads little-endian fields from bytes of unknown origin; every read is bounds-checked.
struct ByteReader {
  let bytes: UnsafeRawBufferPointer
  /// The next byte to read, within `0...bytes.count`.
  private(set) var position: Int

  init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
    self.bytes = bytes
    self.position = min(max(position, 0), bytes.count)
  }

  var remaining: Int { bytes.count - position }

  /// Reads an integer, or returns `nil` at the end of the bytes.
  mutating func read<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type = Value.self
  ) -> Value? {
    let size = MemoryLayout<Value>.size
    guard remaining >= size else { return nil }
    let value = bytes.loadUnaligned(fromByteOffset: position, as: type)
    position += size
    return Value(littleEndian: value)
  }

  /// Passes over bytes and returns where they lie, or `nil` if there are fewer.
  mutating func take(_ count: Int) -> Range<Int>? {
    guard count >= 0, remaining >= count else { return nil }
    defer { position += count }
    return position..<position + count
  }

  /// Passes over a line and its newline, and returns where the line lies without it.
  mutating func takeLine(limit: Int) -> Range<Int>? {
    let end = min(bytes.count, position + limit)
    guard let newline = bytes[position..<end].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    defer { position = newline + 1 }
    return position..<newline
  }
}

extension UnsafeRawBufferPointer {
  /// The bytes of a range as text, or `nil` when they are not UTF-8.
  func text(_ range: Range<Int>) -> String? {
    String(validating: self[range], as: UTF8.self)
  }
}
