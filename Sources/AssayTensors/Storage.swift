#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Immutable bytes with one owner: allocated, or mapped from a file.
///
/// The bytes never change after `init`, which is why a storage may cross threads.
public final class Storage: @unchecked Sendable {
  private let bytes: UnsafeRawBufferPointer
  private let owner: Owner

  private enum Owner {
    case allocation(UnsafeMutableRawPointer)
    case file(MappedFile)
  }

  /// Allocates 64-byte aligned bytes and has them filled.
  ///
  /// - Parameters:
  ///   - byteCount: How many bytes to allocate; at least 0.
  ///   - initialize: Fills the zeroed buffer. What it throws is thrown on.
  public init(
    byteCount: Int, initialize: (UnsafeMutableRawBufferPointer) throws -> Void
  ) rethrows {
    // Aligned by hand: what glibc's aligned allocator frees, it can seldom use again, so that a
    // run would grow by every tensor that it has dropped.
    let allocation = UnsafeMutableRawPointer.allocate(byteCount: byteCount + 63, alignment: 1)
    let buffer = UnsafeMutableRawBufferPointer(
      start: allocation.alignedUp(toMultipleOf: 64), count: byteCount)
    if let base = buffer.baseAddress { memset(base, 0, byteCount) }
    bytes = UnsafeRawBufferPointer(buffer)
    owner = .allocation(allocation)
    try initialize(buffer)
  }

  /// Copies bytes.
  public convenience init(copying source: UnsafeRawBufferPointer) {
    self.init(byteCount: source.count) { $0.copyMemory(from: source) }
  }

  /// Shares a part of a mapped file, which stays mapped as long as the storage lives.
  ///
  /// - Parameters:
  ///   - file: The mapped file.
  ///   - range: Bytes of the file.
  /// - Throws: ``TensorError/outOfBounds(neededBytes:availableBytes:)`` when the range reaches
  ///   beyond the file.
  public init(file: MappedFile, range: Range<Int>) throws(TensorError) {
    guard range.lowerBound >= 0, range.upperBound <= file.byteCount else {
      throw .outOfBounds(neededBytes: range.upperBound, availableBytes: file.byteCount)
    }
    bytes = UnsafeRawBufferPointer(rebasing: file.bytes[range])
    owner = .file(file)
  }

  deinit {
    if case .allocation(let allocation) = owner { allocation.deallocate() }
  }

  /// The number of bytes.
  public var byteCount: Int { bytes.count }

  /// Calls `body` with the bytes, which are valid only during the call.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(self) {} }
    return try body(bytes)
  }
}

/// A file mapped read-only into memory.
///
/// The mapping never changes after `init`, which is why it may cross threads.
public final class MappedFile: @unchecked Sendable {
  /// The path that was opened.
  public let path: String
  fileprivate let bytes: UnsafeRawBufferPointer

  /// Maps a whole regular file.
  ///
  /// - Parameter path: A path of a regular file; an empty file maps to no bytes.
  /// - Throws: ``TensorError/unreadableFile(path:reason:)`` with the operating system's reason.
  public init(path: String) throws(TensorError) {
    func failure(_ reason: String? = nil) -> TensorError {
      .unreadableFile(path: path, reason: reason ?? String(cString: strerror(errno)))
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
  public var byteCount: Int { bytes.count }

  /// Calls `body` with the file's bytes, which are valid only during the call.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(self) {} }
    return try body(bytes)
  }
}
