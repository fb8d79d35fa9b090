#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file mapped read-only into memory.
///
/// The mapping never changes after `init`, which is why it may cross threads.
package final class MappedFile: @unchecked Sendable {
  /// The path that was opened.
  package let path: String
  /// The file's bytes, which are valid as long as the object lives.
  package let bytes: UnsafeRawBufferPointer

  /// Maps a whole regular file.
  ///
  /// - Parameter path: A path of a regular file; an empty file maps to no bytes.
  /// - Throws: ``FileError/unreadable(path:reason:)`` with the operating system's reason.
  package init(path: String) throws(FileError) {
    func failure(_ reason: String? = nil) -> FileError {
      .unreadable(path: path, reason: reason ?? String(cString: strerror(errno)))
    }
    // O_NONBLOCK: opening a FIFO put in the place of a file must not hang.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure() }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure() }
    guard status.st_mode & S_IFMT == S_IFREG else { throw failure("not a regular file") }
    let count = Int(status.st_size)
    if count == 0 {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    } else {
      let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0)
      guard let address, address != MAP_FAILED else { throw failure() }
      bytes = UnsafeRawBufferPointer(start: address, count: count)
    }
    self.path = path
  }

  deinit {
    if let base = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) }
  }

  /// The file's size when it was mapped.
  package var byteCount: Int { bytes.count }

  /// Calls `body` with the file's bytes, which are valid only during the call.
  package func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(self) {} }
    return try body(bytes)
  }
}
