package import AssayBase

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Immutable bytes with one owner: allocated, mapped from a file, or put together of other tensors'
/// whenever they are asked for.
///
/// The bytes never change after `init`, which is why a storage may cross threads.
public final class Storage: @unchecked Sendable {
  private let bytes: UnsafeRawBufferPointer
  private let owner: Owner

  private enum Owner {
    case allocation(UnsafeMutableRawPointer)
    case file(MappedFile)
    case assembly(Assembly)
  }

  /// How bytes are put together of those of other tensors, part by part.
  package struct Assembly: Sendable {
    /// How many bytes there are.
    package var byteCount: Int
    /// Copies some of the bytes.
    package var copy: @Sendable (Range<Int>, UnsafeMutableRawBufferPointer) -> Void
    /// Lets go of the memory that some of them take where they are mapped.
    package var forget: @Sendable (Range<Int>) -> Void
    /// The tensors whose bytes they are.
    package var tensors: [Tensor]

    /// Makes an assembly.
    package init(
      byteCount: Int, of tensors: [Tensor],
      copy: @escaping @Sendable (Range<Int>, UnsafeMutableRawBufferPointer) -> Void,
      forget: @escaping @Sendable (Range<Int>) -> Void
    ) {
      self.byteCount = byteCount
      self.tensors = tensors
      self.copy = copy
      self.forget = forget
    }
  }

  /// Allocates 64-byte aligned bytes and has them filled.
  ///
  /// - Parameters:
  ///   - byteCount: How many bytes to allocate; at least 0.
  ///   - initialize: Fills the zeroed buffer. What it throws is thrown on.
  public convenience init(
    byteCount: Int, initialize: (UnsafeMutableRawBufferPointer) throws -> Void
  ) rethrows {
    try self.init(uninitialized: byteCount) { buffer in
      if let base = buffer.baseAddress { memset(base, 0, byteCount) }
      try initialize(buffer)
    }
  }

  /// Allocates 64-byte aligned bytes and has every one of them written.
  package init(
    uninitialized byteCount: Int, write: (UnsafeMutableRawBufferPointer) throws -> Void
  ) rethrows {
    let (allocation, buffer) = Storage.allocate(byteCount)
    bytes = UnsafeRawBufferPointer(buffer)
    owner = .allocation(allocation)
    try write(buffer)
  }

  /// Reads a part of a file into memory of its own.
  ///
  /// - Throws: ``FileError/unreadable(path:reason:)``, also where the file has become shorter.
  package init(reading file: OpenFile, range: Range<Int>) throws(FileError) {
    let (allocation, buffer) = Storage.allocate(range.count)
    bytes = UnsafeRawBufferPointer(buffer)
    owner = .allocation(allocation)
    try file.read(into: buffer, at: range.lowerBound)
  }

  /// Memory, and the part of it that begins at a multiple of 64.
  ///
  /// Aligned by hand: what glibc's aligned allocator frees, it can seldom use again, so that a run
  /// would grow by every tensor that it has dropped.
  private static func allocate(
    _ byteCount: Int
  ) -> (UnsafeMutableRawPointer, UnsafeMutableRawBufferPointer) {
    let allocation = UnsafeMutableRawPointer.allocate(byteCount: byteCount + 63, alignment: 1)
    return (
      allocation,
      UnsafeMutableRawBufferPointer(
        start: allocation.alignedUp(toMultipleOf: 64), count: byteCount)
    )
  }

  /// Copies bytes.
  public convenience init(copying source: UnsafeRawBufferPointer) {
    self.init(uninitialized: source.count) { $0.copyMemory(from: source) }
  }

  /// Shares a part of a mapped file, which stays mapped as long as the storage lives.
  ///
  /// - Parameters:
  ///   - file: The mapped file.
  ///   - range: Bytes of the file.
  /// - Throws: ``TensorError/outOfBounds(neededBytes:availableBytes:)`` when the range reaches
  ///   beyond the file.
  package init(file: MappedFile, range: Range<Int>) throws(TensorError) {
    guard range.lowerBound >= 0, range.upperBound <= file.byteCount else {
      throw .outOfBounds(neededBytes: range.upperBound, availableBytes: file.byteCount)
    }
    bytes = UnsafeRawBufferPointer(rebasing: file.bytes[range])
    owner = .file(file)
  }

  /// Bytes that are never there all at once, unless ``withUnsafeBytes(_:)`` asks for all.
  package init(_ assembly: Assembly) {
    bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    owner = .assembly(assembly)
  }

  /// How the bytes are put together; `nil` where they lie in memory.
  var assembly: Assembly? { if case .assembly(let assembly) = owner { assembly } else { nil } }

  deinit {
    if case .allocation(let allocation) = owner { allocation.deallocate() }
  }

  /// Whether the first byte's address is a multiple of `byteCount`.
  package func isAligned(to byteCount: Int) -> Bool {
    UInt(bitPattern: bytes.baseAddress).isMultiple(of: UInt(byteCount))
  }

  /// Makes sure that nobody wrote to a file while its bytes were used; see
  /// ``MappedFile/checkUnchanged()``.
  func checkUnchanged() throws(FileError) {
    switch owner {
    case .allocation: break
    case .file(let file): try file.checkUnchanged()
    case .assembly(let assembly):
      for tensor in assembly.tensors { try tensor.checkUnchanged() }
    }
  }

  /// Lets go of the memory that mapped bytes take; see ``MappedFile/forget(_:)``.
  func forget(_ range: Range<Int>) {
    switch owner {
    case .allocation: break
    case .file(let file): file.forget(UnsafeRawBufferPointer(rebasing: bytes[range]))
    case .assembly(let assembly): assembly.forget(range)
    }
  }

  /// The number of bytes.
  public var byteCount: Int { assembly?.byteCount ?? bytes.count }

  /// Calls `body` with the bytes, which are valid only during the call.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(self) {} }
    guard let assembly else { return try body(bytes) }
    let whole = Storage(uninitialized: assembly.byteCount) {
      assembly.copy(0..<assembly.byteCount, $0)
    }
    return try whole.withUnsafeBytes(body)
  }
}
