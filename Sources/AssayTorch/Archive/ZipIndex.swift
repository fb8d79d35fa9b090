/// One entry of a zip archive, as the central directory describes it.
package struct ZipEntry: Sendable {
  /// How the entry's bytes are packed.
  enum Method: UInt16, Sendable {
    case stored = 0
    case deflated = 8
  }

  /// The path within the archive.
  package var name: String
  var method: Method
  /// The promised CRC-32; 0 when the writer computed none.
  var checksum: UInt32
  /// The size of the unpacked bytes.
  var byteCount: Int
  /// Where the packed bytes lie in the file.
  var data: Range<Int>
  /// Where the entry starts: its local header.
  var start: Int
}

/// The entries of a zip archive, found through its central directory.
///
/// Local headers serve only to find the data: torch leaves their sizes at zero.
struct ZipIndex: Sendable {
  let path: String
  private(set) var entries: [String: ZipEntry] = [:]
  /// The folder that all entries of a torch archive share, from the first entry's name; empty where
  /// that lies in none.
  private(set) var root = ""

  /// More entries than any tensor file has; bounds the memory of the index.
  private static let entryLimit = 1 << 20

  init(_ bytes: UnsafeRawBufferPointer, path: String) throws(TorchError) {
    self.path = path
    let directory = try findDirectory(bytes)
    var reader = ByteReader(
      UnsafeRawBufferPointer(rebasing: bytes[..<directory.range.upperBound]),
      at: directory.range.lowerBound)
    guard directory.count <= min(directory.range.count / 46, ZipIndex.entryLimit) else {
      throw malformed("its zip directory cannot hold \(directory.count) entries")
    }
    var extents: [Range<Int>] = []
    extents.reserveCapacity(directory.count)
    for position in 0..<directory.count {
      let header = try readDirectoryEntry(&reader)
      guard let entry = try locate(header, in: bytes, before: directory.range.lowerBound) else {
        continue
      }
      if position == 0 {
        root = entry.name.firstIndex(of: "/").map { String(entry.name[..<$0]) } ?? ""
      }
      guard entries.updateValue(entry, forKey: entry.name) == nil else {
        throw malformed("the zip entry \(quoted(entry.name)) occurs twice")
      }
      extents.append(entry.start..<entry.data.upperBound)
    }
    extents.sort { $0.lowerBound < $1.lowerBound }
    for (first, second) in zip(extents, extents.dropFirst())
    where first.upperBound > second.lowerBound {
      throw malformed("two zip entries overlap at byte \(second.lowerBound)")
    }
  }

  /// The entry of a name below the root folder.
  subscript(name: String) -> ZipEntry? { entries[root + "/" + name] }

  private func malformed(_ reason: String) -> TorchError { .malformed(path: path, reason: reason) }
}

// MARK: - The end of the archive

extension ZipIndex {
  private typealias Directory = (range: Range<Int>, count: Int)

  private func findDirectory(_ bytes: UnsafeRawBufferPointer) throws(TorchError) -> Directory {
    // The record is 22 bytes, followed by a comment of at most 65,535. Like torch, which takes the
    // last such record, this passes over as many bytes that follow by mistake.
    var end = bytes.count - 22
    let last = max(0, end - 0xFFFF)
    while end >= last {
      var reader = ByteReader(bytes, at: end)
      if reader.read(UInt32.self) == 0x0605_4B50, let directory = try readEnd(reader, at: end) {
        return directory
      }
      end -= 1
    }
    throw malformed("the zip directory at its end is missing; the file may be truncated")
  }

  /// Reads the record that ends an archive; `nil` when this is not one but bytes like it.
  private func readEnd(_ start: ByteReader, at position: Int) throws(TorchError) -> Directory? {
    var reader = start
    guard let disk: UInt16 = reader.read(), let directoryDisk: UInt16 = reader.read(),
      let countHere: UInt16 = reader.read(), let count: UInt16 = reader.read(),
      let size: UInt32 = reader.read(), let offset: UInt32 = reader.read(),
      let comment: UInt16 = reader.read(), reader.remaining >= Int(comment)
    else { return nil }
    if let wide = try readWideEnd(reader.bytes, before: position) { return wide }
    guard disk == 0, directoryDisk == 0, countHere == count else {
      throw malformed("the zip archive is split over several files")
    }
    return try checked(
      offset: UInt64(offset), size: UInt64(size), count: UInt64(count), end: position)
  }

  /// Reads the zip64 form of the record, which a locator directly before the record points to.
  private func readWideEnd(
    _ bytes: UnsafeRawBufferPointer, before position: Int
  ) throws(TorchError) -> Directory? {
    guard position >= 20 else { return nil }
    var locator = ByteReader(bytes, at: position - 20)
    guard locator.read(UInt32.self) == 0x0706_4B50, locator.read(UInt32.self) == 0 else {
      return nil
    }
    guard let offset: UInt64 = locator.read(), offset <= UInt64(position - 20) else {
      throw malformed("the zip64 locator points outside the file")
    }
    var reader = ByteReader(bytes, at: Int(offset))
    guard reader.read(UInt32.self) == 0x0606_4B50, reader.take(20) != nil,
      let countHere: UInt64 = reader.read(), let count: UInt64 = reader.read(),
      let size: UInt64 = reader.read(), let start: UInt64 = reader.read(), countHere == count
    else {
      // The second of two archives in one file points into the first; torch refuses it too.
      throw malformed(
        "the zip64 record at its end is damaged, or torch.save wrote to the file more than once; "
          + "save each object to a file of its own")
    }
    return try checked(offset: start, size: size, count: count, end: Int(offset))
  }

  private func checked(
    offset: UInt64, size: UInt64, count: UInt64, end: Int
  ) throws(TorchError) -> Directory {
    guard offset <= UInt64(end), size <= UInt64(end) - offset, count <= UInt64(end) else {
      throw malformed("its zip directory lies outside the file")
    }
    return (Int(offset)..<Int(offset + size), Int(count))
  }
}

// MARK: - Entries

extension ZipIndex {
  /// The fields of a directory entry, after zip64 has been resolved.
  private struct Header {
    var name: String
    var flags: UInt16
    var method: UInt16
    var checksum: UInt32
    var packedSize: UInt64
    var size: UInt64
    var offset: UInt64
  }

  private func readDirectoryEntry(_ reader: inout ByteReader) throws(TorchError) -> Header {
    guard reader.read(UInt32.self) == 0x0201_4B50, reader.take(4) != nil,
      let flags: UInt16 = reader.read(), let method: UInt16 = reader.read(), reader.take(4) != nil,
      let checksum: UInt32 = reader.read(), let packedSize: UInt32 = reader.read(),
      let size: UInt32 = reader.read(), let nameCount: UInt16 = reader.read(),
      let extraCount: UInt16 = reader.read(), let commentCount: UInt16 = reader.read(),
      reader.take(8) != nil, let offset: UInt32 = reader.read(),
      let nameRange = reader.take(Int(nameCount)), let extra = reader.take(Int(extraCount)),
      reader.take(Int(commentCount)) != nil
    else { throw malformed("its zip directory is cut short or damaged") }
    guard let name = reader.bytes.text(nameRange) else {
      throw malformed("a zip entry's name is not UTF-8")
    }
    var header = Header(
      name: name, flags: flags, method: method, checksum: checksum,
      packedSize: UInt64(packedSize), size: UInt64(size), offset: UInt64(offset))
    try resolveWideFields(&header, extra: UnsafeRawBufferPointer(rebasing: reader.bytes[extra]))
    return header
  }

  /// Replaces fields that are all ones by the 64-bit ones of the zip64 extra field.
  private func resolveWideFields(
    _ header: inout Header, extra: UnsafeRawBufferPointer
  ) throws(TorchError) {
    let marker = UInt64(UInt32.max)
    var missing = [header.size, header.packedSize, header.offset].contains(marker)
    var reader = ByteReader(extra)
    while missing, let id: UInt16 = reader.read(), let count: UInt16 = reader.read(),
      let range = reader.take(Int(count))
    {
      guard id == 1 else { continue }
      var field = ByteReader(UnsafeRawBufferPointer(rebasing: extra[range]))
      func resolved(_ value: UInt64) throws(TorchError) -> UInt64 {
        guard value == marker else { return value }
        guard let wide: UInt64 = field.read() else {
          throw malformed("the zip64 field of entry \(quoted(header.name)) is cut short")
        }
        return wide
      }
      header.size = try resolved(header.size)
      header.packedSize = try resolved(header.packedSize)
      header.offset = try resolved(header.offset)
      missing = false
    }
  }

  /// Finds an entry's data behind its local header; `nil` for a folder.
  private func locate(
    _ header: Header, in bytes: UnsafeRawBufferPointer, before end: Int
  ) throws(TorchError) -> ZipEntry? {
    // Quoted only for an error: most entries have none.
    var name: String { quoted(header.name) }
    guard header.flags & 1 == 0 else { throw malformed("the zip entry \(name) is encrypted") }
    guard let method = ZipEntry.Method(rawValue: header.method) else {
      throw .unsupported(
        path: path, reason: "the zip entry \(name) has compression method \(header.method)")
    }
    guard header.offset <= UInt64(end) else {
      throw malformed("the zip entry \(name) lies outside the file")
    }
    var reader = ByteReader(
      UnsafeRawBufferPointer(rebasing: bytes[..<end]), at: Int(header.offset))
    guard reader.read(UInt32.self) == 0x0403_4B50, reader.take(4) != nil,
      reader.read(UInt16.self) == header.method, reader.take(16) != nil,
      let nameCount: UInt16 = reader.read(), let extraCount: UInt16 = reader.read(),
      let nameRange = reader.take(Int(nameCount)), reader.take(Int(extraCount)) != nil,
      bytes[nameRange].elementsEqual(header.name.utf8)
    else { throw malformed("the local header of zip entry \(name) is damaged") }
    guard header.packedSize <= UInt64(reader.remaining),
      method == .deflated || header.size == header.packedSize, header.size < 1 << 56,
      let data = reader.take(Int(header.packedSize))
    else { throw malformed("the zip entry \(name) has a size that does not fit the file") }
    if header.name.hasSuffix("/") { return nil }
    return ZipEntry(
      name: header.name, method: method, checksum: header.checksum, byteCount: Int(header.size),
      data: data, start: Int(header.offset))
  }
}

/// A name from a file as it may stand in a message: bounded, on one line.
func quoted(_ text: String) -> String {
  let shown = String(text.prefix(120)).debugDescription
  return text.count > 120 ? shown + "…" : shown
}
