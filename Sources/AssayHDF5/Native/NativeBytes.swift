/// A piece of a file in memory, whose every access is checked.
struct NativeBytes {
  private let window: NativeWindow
  private let start: Int
  let count: Int

  /// Where the bytes are in the file.
  var address: Int { window.address + start }

  init(_ window: NativeWindow, start: Int, count: Int) {
    precondition(start >= 0 && count >= 0 && count <= window.bytes.count - start)
    self.window = window
    self.start = start
    self.count = count
  }

  /// The little-endian number that begins at `position`.
  func number<Number: FixedWidthInteger>(at position: Int, as: Number.Type) throws -> Number {
    guard position >= 0, count - position >= MemoryLayout<Number>.size else {
      throw HDF5Unread("a number beyond its block's end")
    }
    return withExtendedLifetime(window) {
      Number(
        littleEndian: window.bytes.loadUnaligned(
          fromByteOffset: start + position, as: Number.self))
    }
  }

  /// A part of these bytes.
  func part(from position: Int, count: Int) throws -> NativeBytes {
    guard position >= 0, count >= 0, position <= self.count, count <= self.count - position else {
      throw HDF5Unread("a part beyond its block's end")
    }
    return NativeBytes(window, start: start + position, count: count)
  }

  func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
  {
    defer { withExtendedLifetime(window) {} }
    return try body(UnsafeRawBufferPointer(rebasing: window.bytes[start..<start + count]))
  }

  func equals(_ text: StaticString) -> Bool {
    withUnsafeBytes { bytes in
      bytes.count == text.utf8CodeUnitCount
        && bytes.elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: bytes.count))
    }
  }

  func equals(_ text: String) -> Bool { withUnsafeBytes { $0.elementsEqual(text.utf8) } }

  func equals(_ other: NativeBytes) -> Bool {
    withUnsafeBytes { mine in other.withUnsafeBytes { mine.elementsEqual($0) } }
  }

  /// Whether these bytes stand before others, compared as unsigned numbers.
  func precedes(_ other: NativeBytes) -> Bool {
    withUnsafeBytes { mine in other.withUnsafeBytes { mine.lexicographicallyPrecedes($0) } }
  }

  /// No name of ours is longer; many that share one end would be read again and again.
  private static let nameLimit = 4096

  /// The part before the first NUL.
  func untilNUL(from position: Int) throws -> NativeBytes {
    let rest = try part(from: position, count: min(count - position, NativeBytes.nameLimit))
    guard let length = rest.withUnsafeBytes({ $0.firstIndex(of: 0) }) else {
      throw HDF5Unread("a name without an end")
    }
    return try rest.part(from: 0, count: length)
  }

  /// The text that these bytes are in UTF-8, without NUL.
  func text() throws -> String {
    let text = withUnsafeBytes { bytes in
      bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
    }
    guard let text else { throw HDF5Unread("a name that is no UTF-8") }
    return text
  }
}

/// Bytes of a file that were read at once.
final class NativeWindow {
  let address: Int
  let bytes: UnsafeMutableRawBufferPointer

  init(address: Int, byteCount: Int) {
    self.address = address
    bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
  }

  deinit { bytes.deallocate() }
}

/// Takes numbers and parts from a piece of a file, one after the other.
struct NativeCursor {
  let bytes: NativeBytes
  private(set) var position = 0

  init(_ bytes: NativeBytes) { self.bytes = bytes }

  var rest: Int { bytes.count - position }

  mutating func number<Number: FixedWidthInteger>(
    _ type: Number.Type = Number.self
  ) throws -> Number {
    let number = try bytes.number(at: position, as: type)
    position += MemoryLayout<Number>.size
    return number
  }

  mutating func byte() throws -> Int { Int(try number(UInt8.self)) }

  mutating func short() throws -> Int { Int(try number(UInt16.self)) }

  /// A number of so many bytes, 1 to 8.
  mutating func number(byteCount: Int) throws -> UInt64 {
    var number: UInt64 = 0
    for index in 0..<byteCount { number |= UInt64(try self.number(UInt8.self)) << (8 * index) }
    return number
  }

  /// A size, which must be one that memory could have.
  mutating func size(byteCount: Int = 8) throws -> Int {
    guard let size = Int(exactly: try number(byteCount: byteCount)) else {
      throw HDF5Unread("a size beyond all memory")
    }
    return size
  }

  mutating func part(_ count: Int) throws -> NativeBytes {
    let part = try bytes.part(from: position, count: count)
    position += count
    return part
  }

  mutating func skip(_ count: Int) throws { _ = try part(count) }

  /// Goes on at the next multiple of `unit`, counted from the first byte.
  mutating func align(to unit: Int) throws { try skip((unit - position % unit) % unit) }

  /// Takes bytes that must be these.
  mutating func expect(_ text: StaticString) throws {
    guard try part(text.utf8CodeUnitCount).equals(text) else {
      throw HDF5Unread("expected \(text)")
    }
  }

  /// Takes a byte that must be this one.
  mutating func expect(_ value: Int, _ what: StaticString) throws {
    let found = try byte()
    guard found == value else { throw HDF5Unread("\(what) \(found)") }
  }
}
