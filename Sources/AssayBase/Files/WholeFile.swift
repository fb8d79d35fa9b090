internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A file that appears under its name only when it is whole.
///
/// The bytes go to a temporary name in the same folder; unless ``commit()`` succeeds, nothing is
/// left behind.
package final class OutputFile {
  /// The name that the file will have.
  package let path: String
  private let temporaryPath: String
  private var descriptor: Int32
  private var buffer: [UInt8] = []
  /// How many bytes have left the buffer.
  private var written = 0
  private var isCommitted = false

  private static let bufferLimit = 1 << 18
  private static let counter = Atomic<UInt64>(0)

  /// Makes the temporary file.
  ///
  /// - Throws: ``TensorError/unwritableFile(path:reason:)``, as every method does.
  package init(path: String) throws(TensorError) {
    self.path = path
    let number = OutputFile.counter.add(1, ordering: .relaxed).newValue
    let folder =
      path.unicodeScalars.lastIndex(of: "/").map { path.unicodeScalars[...$0] }.map(String.init)
      ?? ""
    temporaryPath = "\(folder).assay-\(getpid())-\(number).tmp"
    // A name left by a crashed process of the same id is not in use any more.
    unlink(temporaryPath)
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw .unwritableFile(path: path, reason: String(cString: strerror(errno)))
    }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    if !isCommitted { unlink(temporaryPath) }
  }

  /// How many bytes have been appended.
  package var position: Int { written + buffer.count }

  /// Adds bytes at the end.
  package func append(_ bytes: UnsafeRawBufferPointer) throws(TensorError) {
    if buffer.count + bytes.count > OutputFile.bufferLimit { try flush() }
    if bytes.count > OutputFile.bufferLimit {
      try write(bytes)
      written += bytes.count
    } else {
      buffer.append(contentsOf: bytes)
    }
  }

  /// Adds bytes at the end.
  package func append(_ bytes: [UInt8]) throws(TensorError) {
    try bytes.withUnsafeBufferPointer { (bytes) throws(TensorError) in
      try append(UnsafeRawBufferPointer(bytes))
    }
  }

  /// Closes the file and gives it its name.
  package func commit() throws(TensorError) {
    try flush()
    let closed = close(descriptor)
    descriptor = -1
    // Quotas and network file systems may report a full disk only now.
    guard closed == 0, rename(temporaryPath, path) == 0 else { throw failure() }
    isCommitted = true
  }

  private func flush() throws(TensorError) {
    try buffer.withUnsafeBufferPointer { (bytes) throws(TensorError) in
      try write(UnsafeRawBufferPointer(bytes))
    }
    written += buffer.count
    buffer.removeAll(keepingCapacity: true)
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws(TensorError) {
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

  private func failure() -> TensorError {
    .unwritableFile(path: path, reason: String(cString: strerror(errno)))
  }
}

/// `write`, which inside of ``OutputFile`` is another function's name.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}
