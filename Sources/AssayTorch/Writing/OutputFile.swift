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
final class OutputFile {
  let path: String
  private let temporaryPath: String
  private var descriptor: Int32
  private var buffer: [UInt8] = []
  /// How many bytes have left the buffer.
  private var written = 0
  private var isCommitted = false

  private static let bufferLimit = 1 << 18
  private static let counter = Atomic<UInt64>(0)

  init(path: String) throws(TorchError) {
    self.path = path
    let number = OutputFile.counter.add(1, ordering: .relaxed).newValue
    let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
    temporaryPath = "\(folder).assay-\(getpid())-\(number).tmp"
    // A name left by a crashed process of the same id is not in use any more.
    unlink(temporaryPath)
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw .unwritable(path: path, reason: String(cString: strerror(errno)))
    }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    if !isCommitted { unlink(temporaryPath) }
  }

  /// How many bytes have been appended.
  var position: Int { written + buffer.count }

  /// Adds bytes at the end.
  func append(_ bytes: UnsafeRawBufferPointer) throws(TorchError) {
    if buffer.count + bytes.count > OutputFile.bufferLimit { try flush() }
    if bytes.count > OutputFile.bufferLimit {
      try write(bytes, at: nil)
      written += bytes.count
    } else {
      buffer.append(contentsOf: bytes)
    }
  }

  /// Adds bytes at the end.
  func append(_ bytes: [UInt8]) throws(TorchError) {
    let result = bytes.withUnsafeBytes { bytes in
      Result { () throws(TorchError) in try append(bytes) }
    }
    try result.get()
  }

  /// Replaces bytes that were appended earlier.
  func replace(at offset: Int, with bytes: [UInt8]) throws(TorchError) {
    if offset >= written {
      buffer.replaceSubrange(offset - written..<offset - written + bytes.count, with: bytes)
      return
    }
    try flush()
    let result = bytes.withUnsafeBytes { bytes in
      Result { () throws(TorchError) in try write(bytes, at: offset) }
    }
    try result.get()
  }

  /// Closes the file and gives it its name.
  func commit() throws(TorchError) {
    try flush()
    let closed = close(descriptor)
    descriptor = -1
    // Quotas and network file systems may report a full disk only now.
    guard closed == 0, rename(temporaryPath, path) == 0 else { throw failure() }
    isCommitted = true
  }

  private func flush() throws(TorchError) {
    let result = buffer.withUnsafeBytes { bytes in
      Result { () throws(TorchError) in try write(bytes, at: nil) }
    }
    try result.get()
    written += buffer.count
    buffer.removeAll(keepingCapacity: true)
  }

  /// Writes all bytes at an offset, or at the end for `nil`.
  private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int?) throws(TorchError) {
    var rest = bytes[...]
    var target = offset
    while !rest.isEmpty {
      // Systems write less than 2 GiB at a time.
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
      let count =
        if let target {
          pwrite(descriptor, part.baseAddress, part.count, off_t(target))
        } else {
          systemWrite(descriptor, part.baseAddress, part.count)
        }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw failure() }
      rest = rest.dropFirst(count)
      if let start = target { target = start + count }
    }
  }

  private func failure() -> TorchError {
    .unwritable(path: path, reason: String(cString: strerror(errno)))
  }
}

/// `write`, which inside of ``OutputFile`` is another function's name.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}
