internal import AssayTensors

#if SystemLibraries
internal import CDeflate
#elseif canImport(Compression)
internal import Compression
#endif

/// Unpacks what was packed by deflate (RFC 1951).
final class Inflater {
  #if SystemLibraries
  private let state: OpaquePointer

  /// - Throws: ``TorchError/unreadable(path:reason:)``.
  init(path: String) throws(TorchError) {
    guard let state = libdeflate_alloc_decompressor() else {
      throw .unreadable(path: path, reason: "no memory to decompress")
    }
    self.state = state
  }

  deinit { libdeflate_free_decompressor(state) }

  /// Whether the bytes unpack to exactly as many as there is room for.
  func inflate(_ packed: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Bool
  {
    // With no place for the actual size, anything but exactly the promised size is an error.
    libdeflate_deflate_decompress(
      state, packed.baseAddress, packed.count, target.baseAddress, target.count, nil)
      == LIBDEFLATE_SUCCESS
  }

  #elseif canImport(Compression)
  init(path: String) {}

  /// Whether the bytes unpack to exactly as many as there is room for.
  func inflate(_ packed: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Bool
  {
    guard let source = packed.assumingMemoryBound(to: UInt8.self).baseAddress else { return false }
    // Room for one byte more: what would be cut is seen.
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: target.count + 1) { room in
      guard let start = room.baseAddress else { return false }
      let count = compression_decode_buffer(
        start, room.count, source, packed.count, nil, COMPRESSION_ZLIB)
      target.copyMemory(from: UnsafeRawBufferPointer(start: start, count: min(count, target.count)))
      return count == target.count
    }
  }

  #else
  /// - Throws: ``TorchError/unreadable(path:reason:)``, always.
  init(path: String) throws(TorchError) {
    throw .unreadable(
      path: path,
      reason: "it is compressed, and this build has no libdeflate: turn on the package's trait "
        + "SystemLibraries, or store it without compression")
  }

  func inflate(_ packed: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Bool
  { false }
  #endif
}
