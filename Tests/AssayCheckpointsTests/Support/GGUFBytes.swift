import AssayCheckpoints
import Foundation

/// Writes GGUF files by hand, right or wrong.
struct GGUFBytes {
  var data = Data("GGUF".utf8)

  mutating func append(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0) }
  }

  mutating func append(_ text: String) {
    append(UInt64(text.utf8.count))
    data.append(contentsOf: text.utf8)
  }

  mutating func header(version: UInt32 = 3, tensors: UInt64 = 0, keys: UInt64 = 0) {
    append(version)
    append(tensors)
    append(keys)
  }

  /// What follows a tensor's name.
  mutating func tensor(_ dimensions: [UInt64], type: UInt32, offset: UInt64 = 0) {
    append(UInt32(dimensions.count))
    for dimension in dimensions { append(dimension) }
    append(type)
    append(offset)
  }

  mutating func pad(_ count: Int) { data.append(Data(count: count)) }
}
