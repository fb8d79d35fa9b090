#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that is open for reading, and stays the same one whatever its name comes to mean.
package final class OpenFile: Sendable {
  /// The path that was opened.
  package let path: String
  /// The file's size when it was opened.
  package let byteCount: Int
  /// The open file, for calls that need its number.
  package let descriptor: Int32

  /// Opens a regular file.
  ///
  /// - Throws: ``FileError/unreadable(path:reason:)`` with the operating system's reason.
  package init(path: String) throws(FileError) {
    // O_NONBLOCK: opening a FIFO put in the place of a file must not hang.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw OpenFile.failure(path) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      let isOther = status.st_mode & S_IFMT != 0
      let failure = OpenFile.failure(path, isOther ? "not a regular file" : nil)
      close(descriptor)
      throw failure
    }
    self.path = path
    self.descriptor = descriptor
    byteCount = Int(status.st_size)
  }

  deinit { close(descriptor) }

  private static func failure(_ path: String, _ reason: String? = nil) -> FileError {
    .unreadable(path: path, reason: reason ?? String(cString: strerror(errno)))
  }

  /// Fills a buffer with the bytes from `start` on.
  ///
  /// - Throws: ``FileError/unreadable(path:reason:)``, also where the file has become shorter.
  package func read(into buffer: UnsafeMutableRawBufferPointer, at start: Int) throws(FileError) {
    var done = 0
    while done < buffer.count, let base = buffer.baseAddress {
      let count = pread(descriptor, base + done, buffer.count - done, off_t(start + done))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw OpenFile.failure(path) }
      guard count > 0 else {
        throw OpenFile.failure(path, "it has become shorter while it was read")
      }
      done += count
    }
  }

  /// Calls `body` while nobody writes who locks what he writes, or not at all.
  ///
  /// - Returns: `nil` where somebody does.
  package func whileUnwritten<Result>(_ body: () throws -> Result) rethrows -> Result? {
    guard flock(descriptor, LOCK_SH | LOCK_NB) == 0 else { return nil }
    defer { flock(descriptor, LOCK_UN) }
    return try body()
  }
}
