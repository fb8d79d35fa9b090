import AssayBase
import AssayTensors

extension Storage {
  // Read, a tensor costs less than mapped, and a file that shrinks meanwhile is an error and not a
  // signal. Mapped, it takes no memory, of which a larger one would need too much.
  private static let mappedByteCount = 32 << 20

  /// A part of a file: mapped where it is large, else read.
  convenience init(of range: Range<Int>, in file: OpenFile) throws {
    if range.count < Storage.mappedByteCount {
      try self.init(reading: file, range: range)
    } else {
      try self.init(file: MappedFile(file), range: range)
    }
  }
}
