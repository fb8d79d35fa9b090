package import AssayBase
package import AssayTensors

#if SystemLibraries
internal import CDeflate
#else
internal import CAssayHashes
#endif

/// A zip archive in a mapped file: hands out entries as storages, checked against their CRC.
package struct ZipArchive: Sendable {
  let file: MappedFile
  let index: ZipIndex

  /// Finds the entries of a mapped file.
  ///
  /// - Throws: ``TorchError``.
  package init(file: MappedFile) throws(TorchError) {
    self.file = file
    index = try file.withUnsafeBytes { (bytes) throws(TorchError) in
      try ZipIndex(bytes, path: file.path)
    }
  }

  /// The entries in the order in which they lie in the file.
  package var entries: [ZipEntry] { index.entries.values.sorted { $0.start < $1.start } }

  /// The unpacked bytes of an entry; stored ones share the mapping.
  ///
  /// - Parameter budget: What unpacking may take.
  /// - Throws: ``TorchError``, also where they do not have the archive's checksum.
  package func storage(
    of entry: ZipEntry, budget: inout MemoryBudget
  ) throws(TorchError) -> Storage {
    let packed: Storage
    do { packed = try Storage(file: file, range: entry.data) } catch {
      throw malformed("the zip entry \(quoted(entry.name)) lies outside the file")
    }
    let storage: Storage
    switch entry.method {
    case .stored:
      storage = packed
    case .deflated:
      try budget.spend(entry.byteCount, on: "unpacking \(quoted(entry.name))")
      storage = try inflate(packed, entry: entry)
    }
    // torch can be told to write no checksums: it then stores zeros.
    if entry.checksum != 0 {
      let found = storage.withUnsafeBytes { CRC32.of($0) }
      guard found == entry.checksum else {
        throw .checksumMismatch(
          path: file.path, entry: entry.name, expected: entry.checksum, found: found)
      }
    }
    return storage
  }

  private func inflate(_ packed: Storage, entry: ZipEntry) throws(TorchError) -> Storage {
    // Deflate cannot pack better than 1032 to 1: don't allocate for a size that is a lie.
    guard entry.byteCount / 1032 <= packed.byteCount else {
      throw malformed("the zip entry \(quoted(entry.name)) cannot unpack to its promised size")
    }
    let inflater = try Inflater(path: file.path)
    var isWhole = false
    let storage = Storage(byteCount: entry.byteCount) { target in
      isWhole = packed.withUnsafeBytes { inflater.inflate($0, into: target) }
    }
    guard isWhole else {
      throw malformed("the compressed zip entry \(quoted(entry.name)) does not unpack")
    }
    return storage
  }

  private func malformed(_ reason: String) -> TorchError {
    .malformed(path: file.path, reason: reason)
  }
}

/// The checksum of zip archives.
enum CRC32 {
  /// Continues a checksum over more bytes.
  static func of(_ bytes: UnsafeRawBufferPointer, continuing start: UInt32 = 0) -> UInt32 {
    // libdeflate takes a null pointer as "give me the initial value".
    guard let base = bytes.baseAddress, bytes.count > 0 else { return start }
    #if SystemLibraries
    return libdeflate_crc32(start, base, bytes.count)
    #else
    return assay_crc32(start, base, bytes.count)
    #endif
  }
}

/// How much memory a file may make the reader allocate beside its mapping.
package struct MemoryBudget {
  private let path: String
  private let limit: Int
  private var rest: Int

  /// Allows four times the file's size and 48 MiB: a small file takes less than 64 MiB altogether.
  package init(path: String, fileSize: Int) {
    self.path = path
    limit = fileSize * 4 + 48 << 20
    rest = limit
  }

  /// Accounts for bytes that are about to be allocated.
  ///
  /// - Throws: ``TorchError/excessive(path:reason:)``.
  package mutating func spend(_ byteCount: Int, on purpose: String) throws(TorchError) {
    guard byteCount <= rest else {
      throw .excessive(
        path: path,
        reason: "\(purpose) needs \(byteCount) bytes; a file of its size may use \(limit)")
    }
    rest -= byteCount
  }
}
