#if SystemLibraries
/// How a reply comes: parts, each with a header, and behind the last one an end or an error.
///
/// A header is a byte that says what follows, and its size in four bytes, little-endian.
enum HDF5Reply {
  static let part: UInt8 = 1
  static let end: UInt8 = 2
  static let failure: UInt8 = 3
  static let headerByteCount = 5
  static let partLimit = 1 << 24
  private static let failureLimit = 1 << 20

  static func header(_ kind: UInt8, byteCount: Int) -> [UInt8] {
    [kind] + withUnsafeBytes(of: UInt32(byteCount).littleEndian) { Array($0) }
  }

  /// Takes in the header of what comes next.
  ///
  /// - Parameters:
  ///   - limit: How many bytes a part may have.
  ///   - read: Fills a buffer with what comes next.
  /// - Returns: How many bytes the part has that follows, which cannot be none; `nil` at the end.
  /// - Throws: ``HDF5Error`` that the reply is; ``HDF5MessageReader/Nonsense``.
  private static func next(
    limit: Int, from read: (UnsafeMutableRawBufferPointer) throws -> Void
  ) throws -> Int? {
    var header = [UInt8](repeating: 0, count: headerByteCount)
    try header.withUnsafeMutableBytes { try read($0) }
    let count = header[1...].reversed().reduce(0) { $0 << 8 | Int($1) }
    switch header[0] {
    case part:
      guard count > 0, count <= min(partLimit, limit) else { throw HDF5MessageReader.Nonsense() }
      return count
    case end:
      guard count == 0 else { throw HDF5MessageReader.Nonsense() }
      return nil
    case failure:
      guard count <= failureLimit else { throw HDF5MessageReader.Nonsense() }
      var bytes = [UInt8](repeating: 0, count: count)
      try bytes.withUnsafeMutableBytes { try read($0) }
      var reader = HDF5MessageReader(bytes)
      let error = try reader.error()
      try reader.finish()
      throw error
    default: throw HDF5MessageReader.Nonsense()
    }
  }

  /// Takes in a reply that is a message of so many bytes at most.
  static func message(
    limit: Int, from read: (UnsafeMutableRawBufferPointer) throws -> Void
  ) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while let count = try next(limit: limit - bytes.count, from: read) {
      let start = bytes.count
      bytes.append(contentsOf: repeatElement(0, count: count))
      try bytes.withUnsafeMutableBytes {
        try read(UnsafeMutableRawBufferPointer(rebasing: $0[start...]))
      }
    }
    return bytes
  }

  /// Takes in a reply that fills a buffer, no more and no less.
  static func fill(
    _ buffer: UnsafeMutableRawBufferPointer,
    from read: (UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    var done = 0
    while let count = try next(limit: buffer.count - done, from: read) {
      try read(UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count]))
      done += count
    }
    guard done == buffer.count else { throw HDF5MessageReader.Nonsense() }
  }
}
#endif
