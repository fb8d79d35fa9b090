import AssayBase
import AssayRuns
package import AssayTensors

/// Writes safetensors files.
package enum SafetensorsWriter {
  /// What a file says of one tensor.
  package struct Entry {
    package var name: String
    package var dtype: DType
    package var shape: [Int]

    package init(name: String, dtype: DType, shape: [Int]) {
      self.name = name
      self.dtype = dtype
      self.shape = shape
    }

    var byteCount: Int { shape.reduce(dtype.byteCount, *) }
  }

  /// Writes a file, which appears whole or not at all.
  ///
  /// - Parameters:
  ///   - entries: The tensors in the order of their data.
  ///   - path: The file.
  ///   - load: Makes the tensor at a position, whose elements in row-major order are written. One
  ///     is in memory at a time.
  /// - Throws: ``RunError/writeFailed(path:reason:)``, ``FileError`` and what `load` throws.
  package static func write(
    _ entries: [Entry], to path: String, load: (Int) throws -> Tensor
  ) throws {
    var header: [String: JSONValue] = ["__metadata__": .object(["format": .string("pt")])]
    var end = 0
    for entry in entries {
      guard let dtype = entry.dtype.safetensorsName else {
        throw RunError.writeFailed(
          path: path, reason: "safetensors has no \(entry.dtype.rawValue) (\(entry.name))")
      }
      let range = end..<end + entry.byteCount
      end = range.upperBound
      let value = JSONValue.object([
        "dtype": .string(dtype),
        "shape": .array(
          entry.dtype.valueShape(of: try Shape(entry.shape)).dimensions.map {
            .integer(Int64($0))
          }),
        "data_offsets": .array([
          .integer(Int64(range.lowerBound)), .integer(Int64(range.upperBound)),
        ]),
      ])
      guard header.updateValue(value, forKey: entry.name) == nil else {
        throw RunError.writeFailed(path: path, reason: "two tensors are named \(entry.name)")
      }
    }
    var text = Array(JSONValue.object(header).encoded())
    // Data begins at a multiple of 8 bytes, as readers that map it like.
    text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
    let file = try WholeFile(path: path)
    try file.append(withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) })
    try file.append(text)
    for (index, entry) in entries.enumerated() {
      let tensor = try load(index)
      precondition(tensor.dtype == entry.dtype && tensor.byteCount == entry.byteCount)
      try tensor.withContiguousBytes { try file.append($0) }
    }
    try file.commit()
  }
}
