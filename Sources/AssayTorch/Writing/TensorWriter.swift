import AssayBase
internal import AssayTensors

/// Lays a tensor out as the zip archive that `torch.save` makes of it, byte by byte.
enum TensorWriter {
  /// Strided tensors are gathered in parts of about this many bytes, contiguous ones summed so.
  private static let partSize = 1 << 18

  /// What torch's hash makes of the names of the six entries before the serialization id.
  private static let hashOfEntryNames = "15728199511854643026"

  /// Writes the archive to its temporary name and renames it.
  ///
  /// - Parameter wideLimit: See ``ZipWriter``.
  static func write(
    _ tensor: Tensor, to path: String, wideLimit: Int = 0xFFFF_FFFF
  ) throws(FileError) {
    let file = try WholeFile(path: path, isDurable: false)
    var zip = ZipWriter(file, root: root(of: path), wideLimit: wideLimit)
    try zip.add("data.pkl", Pickler.pickle(of: tensor))
    try zip.add(".format_version", Array("1".utf8))
    try zip.add(".storage_alignment", Array("64".utf8))
    try zip.add("byteorder", Array("little".utf8))
    try zip.add("data/0", byteCount: tensor.byteCount) { (append) throws(FileError) in
      try writeElements(of: tensor, append)
    }
    try zip.add("version", Array("3\n".utf8))
    let identity = hashOfEntryNames + digits(zip.combinedChecksums)
    try zip.add(".data/serialization_id", Array(identity.utf8))
    try zip.finish()
    try file.commit()
  }

  private static func writeElements(
    of tensor: Tensor, _ append: (UnsafeRawBufferPointer) throws(FileError) -> Void
  ) throws(FileError) {
    let step = partSize / tensor.dtype.byteCount
    for start in stride(from: 0, to: tensor.elementCount, by: step) {
      let range = start..<min(start + step, tensor.elementCount)
      let result = tensor.withContiguousBytes(ofElements: range) { bytes in
        Result { () throws(FileError) in try append(bytes) }
      }
      try result.get()
    }
  }

  /// The folder inside the archive: as torch names it, the file's name without its last extension.
  ///
  /// Torch opens a path that is not ASCII by Python's means, and then has no name for the folder.
  private static func root(of path: String) -> String {
    guard path.utf8.allSatisfy({ $0 < 0x80 }) else { return "archive" }
    let name = path.split(separator: "/").last ?? "archive"
    guard let dot = name.lastIndex(of: "."), dot > name.startIndex else {
      return name.hasPrefix(".") ? "archive" : String(name)
    }
    return String(name[..<dot])
  }

  /// Twenty decimal digits, as torch writes the second half of the serialization id.
  private static func digits(_ value: UInt64) -> String {
    let text = String(value)
    return String(repeating: "0", count: 20 - text.count) + text
  }
}
