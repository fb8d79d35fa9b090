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
  /// What it was when it was opened; `nil` for one that is being written.
  private let version: Version?

  /// What differs between two states of a file, as far as the system's clock tells them apart.
  private struct Version: Equatable {
    var byteCount: Int
    var seconds: Int
    var nanoseconds: Int

    init(_ status: stat) {
      byteCount = Int(status.st_size)
      #if canImport(Darwin)
      let modified = status.st_mtimespec
      #else
      let modified = status.st_mtim
      #endif
      (seconds, nanoseconds) = (modified.tv_sec, modified.tv_nsec)
    }
  }

  /// Opens a regular file.
  ///
  /// - Parameter isGrowing: Whether something may be appended to it while it is read, and what is
  ///   there stays. What is written to any other file makes it unreadable: half of what is read
  ///   would be of the one state, half of the other.
  /// - Throws: ``FileError/unreadable(path:reason:)`` with the operating system's reason.
  package init(path: String, isGrowing: Bool = false) throws(FileError) {
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
    version = isGrowing ? nil : Version(status)
  }

  deinit { close(descriptor) }

  private static func failure(_ path: String, _ reason: String? = nil) -> FileError {
    .unreadable(path: path, reason: reason ?? String(cString: strerror(errno)))
  }

  /// Fills a buffer with the bytes from `start` on.
  ///
  /// - Throws: ``FileError/unreadable(path:reason:)``, also where the file has changed.
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
    try checkUnchanged()
  }

  /// Makes sure that what was read so far is of one state of the file.
  ///
  /// - Throws: ``FileError/unreadable(path:reason:)`` where something has been written to it.
  package func checkUnchanged() throws(FileError) {
    guard let version else { return }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw OpenFile.failure(path) }
    guard Version(status) == version else {
      throw OpenFile.failure(path, "it has changed while it was read")
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
