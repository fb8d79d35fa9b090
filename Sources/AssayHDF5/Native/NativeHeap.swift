/// A fractal heap whose objects all lie in its own blocks, without filters.
struct NativeHeap {
  private struct Block {
    /// Where the block begins among the heap's addresses.
    var offset: UInt64
    var bytes: NativeBytes
  }

  private let file: NativeFile
  private let address: UInt64
  private let width: Int
  private let startSize: UInt64
  private let directLimit: UInt64
  private let offsetByteCount: Int
  private let lengthByteCount: Int
  private let objectLimit: Int
  private let hasChecksums: Bool
  private var blocks: [Block] = []

  /// The bytes of a block before its first object.
  private var prefix: Int { 13 + offsetByteCount + (hasChecksums ? 4 : 0) }

  init(in file: NativeFile, at address: UInt64, identifierByteCount: Int) throws {
    self.file = file
    self.address = address
    let header = try file.bytes(at: address, count: 146)
    try header.checkChecksum(after: 142)
    var cursor = NativeCursor(header)
    try cursor.expect("FRHP")
    try cursor.expect(0, "a heap of version")
    guard try cursor.short() == identifierByteCount, try cursor.short() == 0 else {
      throw HDF5Unread("a heap with filters")
    }
    let flags = try cursor.byte()
    guard flags & ~3 == 0 else { throw HDF5Unread("heap flags \(flags)") }
    hasChecksums = flags & 2 != 0
    objectLimit = try cursor.size(byteCount: 4)
    // What is huge or tiny would lie elsewhere; what is free does not matter.
    guard try cursor.number(UInt64.self) == 0,
      try cursor.number(UInt64.self) == NativeSuperblock.undefined
    else { throw HDF5Unread("a heap with huge objects") }
    try cursor.skip(6 * 8)
    for _ in 0..<4 where try cursor.number(UInt64.self) != 0 {
      throw HDF5Unread("a heap with huge or tiny objects")
    }
    width = try cursor.short()
    startSize = try cursor.number()
    directLimit = try cursor.number()
    let bits = try cursor.short()
    offsetByteCount = (bits + 7) / 8
    try cursor.skip(2)
    let root = try cursor.number(UInt64.self)
    let rows = try cursor.short()
    guard (1...48).contains(bits), width.nonzeroBitCount == 1, startSize.nonzeroBitCount == 1,
      directLimit.nonzeroBitCount == 1, startSize <= directLimit, directLimit <= 1 << 30,
      objectLimit > 0, UInt64(objectLimit) <= directLimit
    else { throw HDF5Unread("the table of a heap") }
    func byteCount(_ power: UInt64) -> Int { (63 - power.leadingZeroBitCount + 7) / 8 }
    lengthByteCount = min(byteCount(directLimit), byteCount(UInt64(objectLimit)))
    guard 1 + offsetByteCount + lengthByteCount <= identifierByteCount else {
      throw HDF5Unread("the names of a heap's objects")
    }
    guard root != NativeSuperblock.undefined else { return }
    if rows == 0 {
      try addDirect(root, offset: 0, byteCount: startSize)
    } else {
      try addIndirect(root, offset: 0, rows: rows)
    }
  }

  /// An object by what the tree calls it.
  func object(_ identifier: NativeBytes) throws -> NativeBytes {
    var cursor = NativeCursor(identifier)
    try cursor.expect(0, "an object of kind")
    let offset = try cursor.number(byteCount: offsetByteCount)
    let length = try cursor.size(byteCount: lengthByteCount)
    // The last block that begins at it or before.
    var (low, high) = (0, blocks.count)
    while low < high {
      let middle = (low + high) / 2
      if blocks[middle].offset <= offset { low = middle + 1 } else { high = middle }
    }
    guard low > 0, length > 0, length <= objectLimit else { throw HDF5Unread("a heap's object") }
    let block = blocks[low - 1]
    guard let start = Int(exactly: offset - block.offset), start >= prefix else {
      throw HDF5Unread("a heap's object before its block")
    }
    return try block.bytes.part(from: start, count: length)
  }

  private func rowSize(_ row: Int) -> UInt64 { startSize << max(row - 1, 0) }

  private mutating func addDirect(_ address: UInt64, offset: UInt64, byteCount: UInt64) throws {
    let bytes = try file.bytes(at: address, count: Int(byteCount))
    var cursor = NativeCursor(bytes)
    try checkStart(&cursor, "FHDB", offset: offset)
    if hasChecksums {
      // It stands before the objects, and counts as zero.
      let found = try cursor.number(UInt32.self)
      let end = cursor.position
      let sum = bytes.withUnsafeBytes { bytes in
        var copy = Array(bytes)
        for index in end - 4..<end { copy[index] = 0 }
        return copy.withUnsafeBytes(NativeChecksum.of)
      }
      guard sum == found else { throw HDF5Unread("a wrong checksum of a heap's block") }
    }
    blocks.append(Block(offset: offset, bytes: bytes))
  }

  private func checkStart(
    _ cursor: inout NativeCursor, _ name: StaticString, offset: UInt64
  ) throws {
    try cursor.expect(name)
    try cursor.expect(0, "a block of version")
    guard try cursor.number(UInt64.self) == address,
      try cursor.number(byteCount: offsetByteCount) == offset
    else { throw HDF5Unread("a block of another heap, or of another place") }
  }

  /// Reads a block of addresses; those that it leads to have fewer rows, so the depth is bounded.
  private mutating func addIndirect(_ address: UInt64, offset: UInt64, rows: Int) throws {
    func logarithm(_ power: UInt64) -> Int { 63 - power.leadingZeroBitCount }
    let directRows = logarithm(directLimit) - logarithm(startSize) + 2
    guard rows > 0, rows < 48 - logarithm(startSize) else { throw HDF5Unread("a heap's rows") }
    let count = 13 + offsetByteCount + 8 * width * rows
    let bytes = try file.bytes(at: address, count: count + 4)
    try bytes.checkChecksum(after: count)
    var cursor = NativeCursor(bytes)
    try checkStart(&cursor, "FHIB", offset: offset)
    var offset = offset
    for row in 0..<rows {
      let size = rowSize(row)
      for _ in 0..<width {
        let child = try cursor.number(UInt64.self)
        if child != NativeSuperblock.undefined {
          if row < directRows {
            try addDirect(child, offset: offset, byteCount: size)
          } else {
            let childRows =
              logarithm(size) - logarithm(startSize) - logarithm(UInt64(width)) + 1
            guard childRows < rows else { throw HDF5Unread("a heap's rows") }
            try addIndirect(child, offset: offset, rows: childRows)
          }
        }
        offset += size
      }
    }
  }
}
