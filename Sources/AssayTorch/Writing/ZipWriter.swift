internal import AssayTensors

/// Writes stored entries of a zip archive, each with its data on a multiple of 64 bytes.
struct ZipWriter {
  private let file: OutputFile
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
  init(_ file: OutputFile, root: String, wideLimit: Int = 0xFFFF_FFFF) {
    self.file = file
    self.root = root
    self.wideLimit = wideLimit
  }

  /// Checksums and names of all entries so far, in one number each.
  var summary: (names: UInt64, checksums: UInt64) {
    var names: UInt64 = 0xCBF2_9CE4_8422_2325
    var checksums = names
    for entry in entries {
      for byte in entry.name.utf8 { names = (names ^ UInt64(byte)) &* 0x100_0000_01B3 }
      checksums = (checksums ^ UInt64(entry.checksum)) &* 0x100_0000_01B3
    }
    return (names, checksums)
  }

  mutating func add(_ name: String, _ bytes: [UInt8]) throws(TensorError) {
    try add(name, byteCount: bytes.count) { (append) throws(TensorError) in
      try bytes.withUnsafeBufferPointer { (bytes) throws(TensorError) in
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
    produce: ((UnsafeRawBufferPointer) throws(TensorError) -> Void) throws(TensorError) -> Void
  ) throws(TensorError) {
    let name = root + "/" + name
    let offset = file.position
    try file.append(localHeader(name: name, byteCount: byteCount))
    let file = file
    var checksum: UInt32 = 0
    try produce { (part) throws(TensorError) in
      checksum = CRC32.of(part, continuing: checksum)
      try file.append(part)
    }
    var field: [UInt8] = []
    field.append(little: checksum)
    try file.replace(at: offset + 14, with: field)
    entries.append(Entry(name: name, byteCount: byteCount, checksum: checksum, offset: offset))
  }

  private func localHeader(name: String, byteCount: Int) -> [UInt8] {
    let isWide = byteCount >= wideLimit
    var wide: [UInt8] = []
    if isWide {
      wide.append(little: UInt16(1))
      wide.append(little: UInt16(16))
      wide.append(little: UInt64(byteCount))
      wide.append(little: UInt64(byteCount))
    }
    let end = file.position + 30 + name.utf8.count + wide.count + 4
    let padding = (64 - end % 64) % 64
    var header: [UInt8] = []
    header.append(little: UInt32(0x0403_4B50))
    header.append(common: isWide, checksum: 0, byteCount: isWide ? nil : byteCount)
    header.append(little: UInt16(name.utf8.count))
    header.append(little: UInt16(wide.count + 4 + padding))
    header += name.utf8
    header += wide
    header += Array("FB".utf8)
    header.append(little: UInt16(padding))
    header += [UInt8](repeating: UInt8(ascii: "Z"), count: padding)
    return header
  }

  /// Writes the central directory, with its zip64 record as torch does whatever the size.
  func finish() throws(TensorError) {
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
    var wide: [UInt8] = []
    let isLarge = entry.byteCount >= wideLimit
    let isFar = entry.offset >= wideLimit
    if isLarge || isFar {
      wide.append(little: UInt16(1))
      wide.append(little: UInt16((isLarge ? 16 : 0) + (isFar ? 8 : 0)))
      if isLarge {
        wide.append(little: UInt64(entry.byteCount))
        wide.append(little: UInt64(entry.byteCount))
      }
      if isFar { wide.append(little: UInt64(entry.offset)) }
    }
    var header: [UInt8] = []
    header.append(little: UInt32(0x0201_4B50))
    header.append(little: UInt16(0x031E))
    header.append(
      common: !wide.isEmpty, checksum: entry.checksum, byteCount: isLarge ? nil : entry.byteCount)
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
  ///
  /// - Parameter byteCount: `nil` when a zip64 field tells it.
  fileprivate mutating func append(common isWide: Bool, checksum: UInt32, byteCount: Int?) {
    append(little: UInt16(isWide ? 45 : 20))
    // Bit 11: names are UTF-8.
    append(little: UInt16(0x0800))
    append(little: UInt16(0))
    // No clock, so that equal tensors make equal bytes: midnight of 1 January 1980.
    append(little: UInt16(0))
    append(little: UInt16(0x0021))
    append(little: checksum)
    let size = byteCount.map { UInt32($0) } ?? .max
    append(little: size)
    append(little: size)
  }
}
