#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A file's bytes in memory: read where it is small, else mapped.
///
/// They do not change after `init`, which is why they may cross threads, unless somebody writes to a
/// mapped file: ``checkUnchanged()`` tells.
package final class MappedFile: @unchecked Sendable {
  /// The path that was opened.
  package let path: String
  /// The file's bytes, which are valid as long as the object lives.
  package let bytes: UnsafeRawBufferPointer
  private let isMapped: Bool
  /// What is mapped: who has used the bytes asks whether they were of one state.
  private let file: OpenFile

  /// Up to here reading costs less than a mapping, which has to be made, filled page by page and
  /// undone while other threads wait.
  private static let readLimit = 1 << 20

  /// Maps a whole regular file.
  ///
  /// - Parameter path: A path of a regular file; an empty file maps to no bytes.
  /// - Throws: ``FileError/unreadable(path:reason:)`` with the operating system's reason.
  package convenience init(path: String) throws(FileError) {
    try self.init(OpenFile(path: path))
  }

  /// Maps a whole file that is open, as it is now.
  package init(_ file: OpenFile) throws(FileError) {
    self.file = file
    func failure() -> FileError {
      .unreadable(path: file.path, reason: String(cString: strerror(errno)))
    }
    var status = stat()
    guard fstat(file.descriptor, &status) == 0 else { throw failure() }
    let count = Int(status.st_size)
    isMapped = count > MappedFile.readLimit
    if !isMapped {
      // Of the alignment that any allocation has: with more, freed memory is seldom used again.
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
      bytes = UnsafeRawBufferPointer(buffer)
      path = file.path
      try file.read(into: buffer, at: 0)
      return
    }
    let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, file.descriptor, 0)
    guard let address, address != MAP_FAILED else { throw failure() }
    bytes = UnsafeRawBufferPointer(start: address, count: count)
    path = file.path
    MappingTable.add(bytes, path: path)
  }

  deinit {
    guard isMapped else { return bytes.deallocate() }
    MappingTable.remove(bytes)
    if let base = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) }
  }

  /// Makes sure that all bytes that were used so far are of one state of the file: a mapping shows
  /// what others write.
  ///
  /// - Throws: ``FileError/unreadable(path:reason:)`` where something has been written to it.
  package func checkUnchanged() throws(FileError) {
    if isMapped { try file.checkUnchanged() }
  }

  /// Lets the system take back the memory that bytes of the mapping take.
  ///
  /// Who touches them again reads them again, so that a file that is read from end to end takes as
  /// much as is read at once.
  ///
  /// - Parameter part: Some of ``bytes``.
  package func forget(_ part: UnsafeRawBufferPointer) {
    guard isMapped, let start = part.baseAddress else { return }
    let page = sysconf(Int32(_SC_PAGESIZE))
    let first = (Int(bitPattern: start) + page - 1) / page * page
    let end = (Int(bitPattern: start) + part.count) / page * page
    guard first < end, let address = UnsafeMutableRawPointer(bitPattern: first) else { return }
    madvise(address, end - first, Int32(MADV_DONTNEED))
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
