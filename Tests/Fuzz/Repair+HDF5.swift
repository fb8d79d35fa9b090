// HDF5 File Format Specification, version 3.0; the checksum is Bob Jenkins's lookup3 of May 2006.
extension Repair {
  /// Writes the checksums of the blocks of an HDF5 file, found by their signatures.
  static func hdf5(_ bytes: Bytes) {
    if bytes.count >= 48, 2...3 ~= bytes[8] { sum(bytes, 0, 44) }
    for header in positions(of: "OHDR", in: bytes) { objectHeader(bytes, at: header) }
    for header in positions(of: "BTHD", in: bytes) { tree(bytes, at: header) }
    for header in positions(of: "FRHP", in: bytes) { heap(bytes, at: header) }
  }

  /// Writes the checksum of `count` bytes behind them.
  private static func sum(_ bytes: Bytes, _ start: Int, _ count: Int) {
    guard start >= 0, count >= 0, start <= bytes.count, count <= bytes.count - start - 4 else {
      return
    }
    set(bytes, start + count, lookup3(Array(bytes[start..<start + count])))
  }

  private static func objectHeader(_ bytes: Bytes, at start: Int) {
    guard bytes.count - start > 34 else { return }
    let flags = bytes[start + 5]
    let sizeAt = start + 6 + (flags & 0x20 != 0 ? 16 : 0) + (flags & 0x10 != 0 ? 4 : 0)
    let width = 1 << Int(flags & 3)
    var size = 0
    for index in 0..<min(width, 4) { size |= Int(bytes[sizeAt + index]) << (8 * index) }
    let first = sizeAt + width
    sum(bytes, start, first - start + size)
    // Messages: one of kind 16 leads to a further block.
    let prefix = flags & 4 != 0 ? 6 : 4
    var position = first
    while position + prefix <= min(first + size, bytes.count) {
      let length = number(bytes, position + 1, UInt16.self) ?? 0
      if bytes[position] == 16, let address = number(bytes, position + prefix, UInt64.self),
        let count = number(bytes, position + prefix + 8, UInt64.self), count >= 4
      {
        sum(bytes, address, count - 4)
      }
      position += prefix + length
    }
  }

  private static func tree(_ bytes: Bytes, at start: Int) {
    sum(bytes, start, 34)
    // A root that is a leaf.
    guard let size = number(bytes, start + 10, UInt16.self),
      number(bytes, start + 12, UInt16.self) == 0,
      let root = number(bytes, start + 16, UInt64.self),
      let count = number(bytes, start + 24, UInt16.self)
    else { return }
    sum(bytes, root, 6 + count * size)
  }

  private static func heap(_ bytes: Bytes, at start: Int) {
    sum(bytes, start, 142)
    guard let width = number(bytes, start + 110, UInt16.self), 1...64 ~= width,
      let size = number(bytes, start + 112, UInt64.self), 1...1 << 24 ~= size,
      let bits = number(bytes, start + 128, UInt16.self), 1...64 ~= bits,
      let root = number(bytes, start + 132, UInt64.self),
      let rows = number(bytes, start + 140, UInt16.self), rows < 32
    else { return }
    let prefix = 13 + (bits + 7) / 8
    guard rows > 0 else { return directBlock(bytes, at: root, size, prefix) }
    sum(bytes, root, prefix + 8 * width * rows)
    for row in 0..<rows {
      for column in 0..<width {
        guard root < bytes.count,
          let child = number(bytes, root + prefix + 8 * (row * width + column), UInt64.self)
        else { continue }
        directBlock(bytes, at: child, size << max(row - 1, 0), prefix)
      }
    }
  }

  /// Its checksum stands within it, and counts as zero.
  private static func directBlock(_ bytes: Bytes, at start: Int, _ size: Int, _ prefix: Int) {
    guard start >= 0, start <= bytes.count, size <= bytes.count - start, prefix + 4 <= size else {
      return
    }
    set(bytes, start + prefix, 0)
    set(bytes, start + prefix, lookup3(Array(bytes[start..<start + size])))
  }

  private static func lookup3(_ bytes: [UInt8]) -> UInt32 {
    func rotated(_ value: UInt32, _ count: UInt32) -> UInt32 {
      value << count | value >> (32 - count)
    }
    var a = 0xDEAD_BEEF &+ UInt32(truncatingIfNeeded: bytes.count)
    var (b, c) = (a, a)
    func word(_ position: Int) -> UInt32 {
      (0..<4).reduce(0) { value, index in
        let place = position + index
        return value | (place < bytes.count ? UInt32(bytes[place]) << UInt32(8 * index) : 0)
      }
    }
    var position = 0
    while bytes.count - position > 12 {
      a &+= word(position)
      b &+= word(position + 4)
      c &+= word(position + 8)
      a = (a &- c) ^ rotated(c, 4)
      c &+= b
      b = (b &- a) ^ rotated(a, 6)
      a &+= c
      c = (c &- b) ^ rotated(b, 8)
      b &+= a
      a = (a &- c) ^ rotated(c, 16)
      c &+= b
      b = (b &- a) ^ rotated(a, 19)
      a &+= c
      c = (c &- b) ^ rotated(b, 4)
      b &+= a
      position += 12
    }
    guard position < bytes.count else { return c }
    a &+= word(position)
    b &+= word(position + 4)
    c &+= word(position + 8)
    c = (c ^ b) &- rotated(b, 14)
    a = (a ^ c) &- rotated(c, 11)
    b = (b ^ a) &- rotated(a, 25)
    c = (c ^ b) &- rotated(b, 16)
    a = (a ^ c) &- rotated(c, 4)
    b = (b ^ a) &- rotated(a, 14)
    c = (c ^ b) &- rotated(b, 24)
    return c
  }
}
