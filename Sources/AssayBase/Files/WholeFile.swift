package import Foundation

/// A file that appears under its name only when it is whole and on the disk.
///
/// The bytes go to a temporary name in the same folder; unless ``commit()`` succeeds, nothing is
/// left behind.
package final class WholeFile {
  /// The name that the file will have.
  package let path: String
  private let temporaryPath: String
  private let isDurable: Bool
  private var descriptor: Int32
  private var buffer: [UInt8] = []
  /// How many bytes have left the buffer.
  private var written = 0
  private var isCommitted = false

  private static let bufferLimit = 1 << 18

  /// Makes the temporary file.
  ///
  /// - Parameters:
  ///   - path: The name that the file will have.
  ///   - isDurable: Whether it outlives a crash of the machine. The thousands of files of a
  ///     recording need not: each would wait for the disk.
  /// - Throws: ``FileError/unwritable(path:reason:)``, as every method does.
  package init(path: String, isDurable: Bool = true) throws(FileError) {
    self.path = path
    self.isDurable = isDurable
    temporaryPath = FileSystem.temporaryPath(beside: path)
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure() }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    if !isCommitted { unlink(temporaryPath) }
  }

  /// Puts a file of these bytes in a path's place, whole or not at all.
  package static func replace(
    _ path: String, with data: Data, isDurable: Bool = true
  ) throws(FileError) {
    let file = try WholeFile(path: path, isDurable: isDurable)
    try file.append(Array(data))
    try file.commit()
  }

  /// How many bytes have been appended.
  package var position: Int { written + buffer.count }

  /// Adds bytes at the end.
  package func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    if buffer.count + bytes.count > WholeFile.bufferLimit { try flush() }
    if bytes.count >= WholeFile.bufferLimit {
      try write(bytes)
      written += bytes.count
    } else {
      buffer.append(contentsOf: bytes)
    }
  }

  /// Adds bytes at the end.
  package func append(_ bytes: [UInt8]) throws(FileError) {
    try bytes.withUnsafeBufferPointer { (bytes) throws(FileError) in
      try append(UnsafeRawBufferPointer(bytes))
    }
  }

  /// Closes the file and gives it its name.
  package func commit() throws(FileError) {
    try flush()
    if isDurable, fsync(descriptor) != 0 { throw failure() }
    let closed = close(descriptor)
    descriptor = -1
    // Quotas and network file systems may report a full disk only now.
    guard closed == 0 else { throw failure() }
    try FileSystem.rename(temporaryPath, to: path, isDurable: isDurable)
    isCommitted = true
  }

  private func flush() throws(FileError) {
    try buffer.withUnsafeBufferPointer { (bytes) throws(FileError) in
      try write(UnsafeRawBufferPointer(bytes))
    }
    written += buffer.count
    buffer.removeAll(keepingCapacity: true)
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      // Systems write less than 2 GiB at a time.
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
      let count = systemWrite(descriptor, part.baseAddress, part.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw failure() }
      rest = rest.dropFirst(count)
    }
  }

  private func failure() -> FileError {
    .unwritable(path: path, reason: String(cString: strerror(errno)))
  }
}

/// `write`, which inside of ``WholeFile`` is another function's name.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}
