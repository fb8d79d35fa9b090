package import AssayBase

/// A file whose structure is read without libhdf5.
///
/// Source of what its parts look like: HDF5 File Format Specification, version 3.0.
///
/// The structure is read in windows that are copied, not mapped: a file that shrinks meanwhile is
/// an error and no signal, and little of it stays in memory.
package final class NativeFile {
  private let file: OpenFile
  /// The first address behind everything that the file holds.
  private(set) var end: UInt64
  private(set) var superblock = NativeSuperblock()
  private var windows: [Int: NativeWindow] = [:]
  /// The window that was asked for last: most of what is read next to it is asked for next.
  private var last: (number: Int, window: NativeWindow)?
  // Each structure is read once or a few times. This bounds every walk, whatever leads where.
  private var budget: Int

  // Between the structures are the elements, of which a larger window would copy more.
  private static let windowByteCount = 4096
  private static let windowLimit = 1024

  /// Reads a file's root.
  ///
  /// - Throws: ``HDF5Unread`` for anything that is not as Assay writes it.
  package init(_ file: OpenFile) throws {
    self.file = file
    end = UInt64(file.byteCount)
    let (product, overflow) = file.byteCount.multipliedReportingOverflow(by: 4)
    budget = overflow ? .max : product + 1 << 20
    superblock = try NativeSuperblock(of: self)
    guard superblock.end <= end else { throw HDF5Unread("a file that was cut") }
    end = superblock.end
  }

  /// Whether the file begins as an HDF5 file does, or any of the places where one may begin.
  package static func hasSignature(_ file: OpenFile) -> Bool {
    let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
    var found = [UInt8](repeating: 0, count: signature.count)
    var place = 0
    while place <= file.byteCount - signature.count {
      guard (try? found.withUnsafeMutableBytes { try file.read(into: $0, at: place) }) != nil
      else { return false }
      if found == signature { return true }
      place = place == 0 ? 512 : 2 * place
    }
    return false
  }

  /// The root group.
  package func root() throws -> any HDF5GroupInput {
    let root = try NativeGroup(in: self, address: superblock.root, name: "", parent: nil)
    if let cached = superblock.cachedRoot, try root.symbolTable() != cached {
      throw HDF5Unread("a superblock that contradicts the root group")
    }
    return root
  }

  /// A piece of the file, with its size checked before anything is allocated.
  func bytes(at address: UInt64, count: Int) throws -> NativeBytes {
    guard count >= 0, address <= end, count <= end - address, count <= budget else {
      throw HDF5Unread("a block of \(count) bytes at \(address) of \(end)")
    }
    budget -= count
    let start = Int(address)
    let number = start / NativeFile.windowByteCount
    let offset = start % NativeFile.windowByteCount
    guard offset + count <= NativeFile.windowByteCount else {
      return NativeBytes(try window(at: start, byteCount: count), start: 0, count: count)
    }
    if let last, last.number == number, offset + count <= last.window.bytes.count {
      return NativeBytes(last.window, start: offset, count: count)
    }
    if let window = windows[number], offset + count <= window.bytes.count {
      last = (number, window)
      return NativeBytes(window, start: offset, count: count)
    }
    let first = start - offset
    let window = try window(
      at: first, byteCount: min(NativeFile.windowByteCount, file.byteCount - first))
    if windows.count >= NativeFile.windowLimit { windows.removeAll(keepingCapacity: true) }
    windows[number] = window
    last = (number, window)
    return NativeBytes(window, start: offset, count: count)
  }

  private func window(at start: Int, byteCount: Int) throws -> NativeWindow {
    let window = NativeWindow(address: start, byteCount: byteCount)
    do { try file.read(into: window.bytes, at: start) } catch { throw HDF5Unread("\(error)") }
    return window
  }
}
