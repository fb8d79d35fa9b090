import AssayBase
internal import AssayTensors

/// Writes stored entries of a zip archive, byte by byte as `torch.save` of PyTorch 2.13 does.
///
/// Each entry has its data on a multiple of 64 bytes.
struct ZipWriter {
  private let file: WholeFile
  private let root: String
  /// Sizes and offsets from which on the zip64 fields are used.
  private let wideLimit: Int
  private var entries: [Entry] = []

  private struct Entry {
    var name: String
    var byteCount: Int
    var checksum: UInt32
    var offset: Int
  }

  /// - Parameter wideLimit: `0xFFFFFFFF`; less only to try the zip64 fields out on small files.
  init(_ file: WholeFile, root: String, wideLimit: Int = 0xFFFF_FFFF) {
    self.file = file
    self.root = root
    self.wideLimit = wideLimit
  }

  /// The checksums of all entries so far in one number, as torch combines them: empty entries do not
  /// count.
  var combinedChecksums: UInt64 {
    entries.filter { $0.byteCount > 0 }.reduce(0) { seed, entry in
      seed ^ (UInt64(entry.checksum) &+ 0x9E37_79B9 &+ (seed << 6) &+ (seed >> 2))
    }
  }

  mutating func add(_ name: String, _ bytes: [UInt8]) throws(FileError) {
    try add(name, byteCount: bytes.count) { (append) throws(FileError) in
      try bytes.withUnsafeBufferPointer { (bytes) throws(FileError) in
        try append(UnsafeRawBufferPointer(bytes))
      }
    }
  }

  /// Adds an entry whose data comes in parts.
  ///
  /// - Parameters:
  ///   - byteCount: What all parts make together.
  ///   - produce: Calls its argument with each part in turn.
  mutating func add(
    _ name: String, byteCount: Int,
    produce: ((UnsafeRawBufferPointer) throws(FileError) -> Void) throws(FileError) -> Void
  ) throws(FileError) {
    let name = root + "/" + name
    let offset = file.position
    let isWide = byteCount >= wideLimit || offset >= wideLimit
    try file.append(localHeader(name: name, byteCount: byteCount))
    let file = file
    var checksum: UInt32 = 0
    try produce { (part) throws(FileError) in
      checksum = CRC32.of(part, continuing: checksum)
      try file.append(part)
    }
    entries.append(Entry(name: name, byteCount: byteCount, checksum: checksum, offset: offset))
    guard byteCount > 0 else { return }
    var descriptor: [UInt8] = []
    descriptor.append(little: UInt32(0x0807_4B50))
    descriptor.append(little: checksum)
    for _ in 0..<2 {
      if isWide {
        descriptor.append(little: UInt64(byteCount))
      } else {
        descriptor.append(little: UInt32(byteCount))
      }
    }
    try file.append(descriptor)
  }

  private func localHeader(name: String, byteCount: Int) -> [UInt8] {
    let wide = wideField(byteCount: byteCount, offset: file.position)
    let end = file.position + 30 + name.utf8.count + wide.count + 4
    let padding = (64 - end % 64) % 64
    var header: [UInt8] = []
    header.append(little: UInt32(0x0403_4B50))
    header.append(common: 0, byteCount: 0, isEmpty: byteCount == 0)
    header.append(little: UInt16(name.utf8.count))
    header.append(little: UInt16(wide.count + 4 + padding))
    header += name.utf8
    header += wide
    header += Array("FB".utf8)
    header.append(little: UInt16(padding))
    header += [UInt8](repeating: UInt8(ascii: "Z"), count: padding)
    return header
  }

  /// The zip64 field of a header: what its 32 bits cannot hold.
  private func wideField(byteCount: Int, offset: Int) -> [UInt8] {
    let isLarge = byteCount >= wideLimit
    let isFar = offset >= wideLimit
    guard isLarge || isFar else { return [] }
    var field: [UInt8] = []
    field.append(little: UInt16(1))
    field.append(little: UInt16((isLarge ? 16 : 0) + (isFar ? 8 : 0)))
    if isLarge {
      field.append(little: UInt64(byteCount))
      field.append(little: UInt64(byteCount))
    }
    if isFar { field.append(little: UInt64(offset)) }
    return field
  }

  /// Writes the central directory, with its zip64 record as torch does whatever the size.
  func finish() throws(FileError) {
    let start = file.position
    for entry in entries { try file.append(directoryEntry(entry)) }
    let end = file.position
    let size = end - start
    var record: [UInt8] = []
    record.append(little: UInt32(0x0606_4B50))
    record.append(little: UInt64(44))
    record.append(little: UInt16(0x031E))
    record.append(little: UInt16(45))
    record.append(little: UInt64(0))
    record.append(little: UInt64(entries.count))
    record.append(little: UInt64(entries.count))
    record.append(little: UInt64(size))
    record.append(little: UInt64(start))
    record.append(little: UInt32(0x0706_4B50))
    record.append(little: UInt32(0))
    record.append(little: UInt64(end))
    record.append(little: UInt32(1))
    record.append(little: UInt32(0x0605_4B50))
    record.append(little: UInt32(0))
    record.append(little: UInt16(entries.count))
    record.append(little: UInt16(entries.count))
    record.append(little: UInt32(size))
    record.append(little: UInt32(start < wideLimit ? start : 0xFFFF_FFFF))
    record.append(little: UInt16(0))
    try file.append(record)
  }

  private func directoryEntry(_ entry: Entry) -> [UInt8] {
    let wide = wideField(byteCount: entry.byteCount, offset: entry.offset)
    let isLarge = entry.byteCount >= wideLimit
    let isFar = entry.offset >= wideLimit
    var header: [UInt8] = []
    header.append(little: UInt32(0x0201_4B50))
    header.append(little: UInt16(0))
    header.append(
      common: entry.checksum, byteCount: isLarge ? .max : UInt32(entry.byteCount),
      isEmpty: entry.byteCount == 0)
    header.append(little: UInt16(entry.name.utf8.count))
    header.append(little: UInt16(wide.count))
    header.append(little: UInt64(0))
    header.append(little: UInt16(0))
    header.append(little: UInt32(isFar ? 0xFFFF_FFFF : UInt32(entry.offset)))
    header += entry.name.utf8
    header += wide
    return header
  }
}

extension [UInt8] {
  /// Adds an integer, lowest byte first.
  mutating func append<Value: FixedWidthInteger & BitwiseCopyable>(little value: Value) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }

  /// Adds what local headers and directory entries have in common, from the version needed to the
  /// unpacked size.
  fileprivate mutating func append(common checksum: UInt32, byteCount: UInt32, isEmpty: Bool) {
    append(little: UInt16(0))
    // Bit 11: names are UTF-8; bit 3: checksum and sizes stand behind the data, if there are any.
    append(little: UInt16(isEmpty ? 0x0800 : 0x0808))
    append(little: UInt16(0))
    // Neither time nor date, as torch does it: equal tensors make equal bytes.
    append(little: UInt32(0))
    append(little: checksum)
    append(little: byteCount)
    append(little: byteCount)
  }
}
