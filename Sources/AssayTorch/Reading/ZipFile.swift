import AssayBase
internal import AssayTensors

/// A `.pt` file in the zip format, which torch writes since version 1.6.
struct ZipFile: StorageSource {
  let archive: ZipArchive
  let isBigEndian: Bool

  /// Larger pickles than any tensor file has; keeps positions and tables small.
  private static let pickleLimit = 1 << 30

  static func load(_ file: MappedFile) throws(TorchError) -> TorchValue {
    var budget = MemoryBudget(path: file.path, fileSize: file.byteCount)
    let archive = try ZipArchive(file: file)
    if let program = archive.program {
      throw .unsupported(path: file.path, reason: program)
    }
    guard let entry = archive.index["data.pkl"] else {
      throw .malformed(
        path: file.path,
        reason: archive.index.root.isEmpty
          ? "the entries of the zip archive are in no folder"
          : "the zip archive has no \(quoted(archive.index.root + "/data.pkl"))")
    }
    guard entry.byteCount <= pickleLimit else {
      throw .excessive(path: file.path, reason: "its pickle has \(entry.byteCount) bytes")
    }
    let zip = ZipFile(
      archive: archive, isBigEndian: try readByteOrder(archive, budget: &budget))
    return try archive.storage(of: entry, budget: &budget).withUnsafeBytes {
      (bytes) throws(TorchError) in
      var unpickler = Unpickler(bytes, path: file.path)
      let root = try unpickler.run()
      var builder = ValueBuilder(unpickler, source: zip, budget: budget)
      return try builder.value(of: root)
    }
  }

  private static func readByteOrder(
    _ archive: ZipArchive, budget: inout MemoryBudget
  ) throws(TorchError) -> Bool {
    // Files from before torch 2.1 do not say, and are little-endian in practice.
    guard let entry = archive.index["byteorder"] else { return false }
    if entry.byteCount <= 16 {
      let bytes = try archive.storage(of: entry, budget: &budget)
      switch bytes.withUnsafeBytes({ String(decoding: $0, as: UTF8.self) }) {
      case "little": return false
      case "big": return true
      default: break
      }
    }
    throw .malformed(
      path: archive.file.path, reason: "its byte order is neither \"little\" nor \"big\"")
  }

  func bytes(
    of reference: StorageReference, budget: inout MemoryBudget
  ) throws(TorchError) -> Storage {
    let path = archive.file.path
    guard reference.view == nil, let entry = archive.index["data/" + reference.key] else {
      throw .malformed(path: path, reason: "storage \(quoted(reference.key)) is missing")
    }
    let needed = reference.elementCount * reference.elementSize
    guard entry.byteCount == needed else {
      throw .malformed(
        path: path,
        reason: "storage \(quoted(reference.key)) has \(entry.byteCount) bytes, not \(needed)")
    }
    return try archive.storage(of: entry, budget: &budget)
  }
}
