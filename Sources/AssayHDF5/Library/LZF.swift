#if SystemLibraries
internal import CHDF5

/// LZF, which h5py offers and libhdf5 lacks.
///
/// A byte below 32 is followed by one more literal byte than it says. Any other byte begins a copy
/// of earlier output: its upper three bits are the length less two, to which a further byte is added
/// where they are 7; its lower five bits and the byte that follows are the distance less one.
enum LZF {
  /// The number that is registered for it with The HDF Group.
  static let filter: H5Z_filter_t = 32_000

  /// Makes libhdf5 read it.
  static func register() -> Bool {
    var description = H5Z_class2_t()
    description.version = H5Z_CLASS_T_VERS
    description.id = filter
    description.decoder_present = 1
    description.filter = { _, parameterCount, parameters, byteCount, size, buffer in
      // h5py notes the size of a chunk, which `DatasetReader` checks before.
      guard parameterCount > 2, let parameters, let size, let buffer, let input = buffer.pointee
      else { return 0 }
      let count = Int(parameters[2])
      guard let memory = H5allocate_memory(count, false) else { return 0 }
      let output = UnsafeMutableRawBufferPointer(start: memory, count: count)
      guard LZF.expand(UnsafeRawBufferPointer(start: input, count: byteCount), into: output) else {
        H5free_memory(memory)
        return 0
      }
      H5free_memory(input)
      buffer.pointee = memory
      size.pointee = count
      return count
    }
    return H5Zregister(&description) >= 0
  }

  /// Fills all of `output`.
  ///
  /// - Returns: Whether the input was whole and made exactly as much.
  static func expand(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) -> Bool {
    var read = 0
    var written = 0
    func byte() -> Int? {
      guard read < input.count else { return nil }
      read += 1
      return Int(input[read - 1])
    }
    while let control = byte() {
      if control < 32 {
        let count = control + 1
        guard count <= input.count - read, count <= output.count - written else { return false }
        output[written..<written + count].copyBytes(from: input[read..<read + count])
        read += count
        written += count
        continue
      }
      var count = control >> 5 + 2
      if control >> 5 == 7 {
        guard let more = byte() else { return false }
        count += more
      }
      guard let low = byte() else { return false }
      let distance = (control & 31) << 8 + low + 1
      guard distance <= written, count <= output.count - written else { return false }
      // One by one: a copy may reach into what it writes itself.
      for position in written..<written + count { output[position] = output[position - distance] }
      written += count
    }
    return written == output.count
  }
}
#endif
