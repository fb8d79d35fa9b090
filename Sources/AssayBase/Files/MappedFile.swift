#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file mapped read-only into memory.
///
/// The mapping never changes after `init`, which is why it may cross threads.
public final class MappedFile: @unchecked Sendable {
  /// The path that was opened.
  public let path: String
  /// The file's bytes, which are valid as long as the object lives.
  package let bytes: UnsafeRawBufferPointer

  /// Maps a whole regular file.
  ///
  /// - Parameter path: A path of a regular file; an empty file maps to no bytes.
  /// - Throws: ``FileError/unreadable(path:reason:)`` with the operating system's reason.
  public convenience init(path: String) throws(FileError) {
    try self.init(OpenFile(path: path))
  }

  /// Maps a whole file that is open, as it is now.
  package init(_ file: OpenFile) throws(FileError) {
    func failure() -> FileError {
      .unreadable(path: file.path, reason: String(cString: strerror(errno)))
    }
    var status = stat()
    guard fstat(file.descriptor, &status) == 0 else { throw failure() }
    let count = Int(status.st_size)
    if count == 0 {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    } else {
      let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, file.descriptor, 0)
      guard let address, address != MAP_FAILED else { throw failure() }
      bytes = UnsafeRawBufferPointer(start: address, count: count)
    }
    path = file.path
  }

  deinit {
    if let base = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) }
  }

  /// The file's size when it was mapped.
  public var byteCount: Int { bytes.count }

  /// Calls `body` with the file's bytes, which are valid only during the call.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(self) {} }
    return try body(bytes)
  }
}
