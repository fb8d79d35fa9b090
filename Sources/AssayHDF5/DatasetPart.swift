internal import AssayTensors

/// Some rows of a tensor, which are read at once.
struct DatasetPart: Equatable {
  /// Entries along each axis; `nil` for all.
  var box: [Range<Int>]?
  /// The size of its elements.
  var byteCount: Int

  /// Cuts a tensor along its first axis that has several entries, and never within a chunk, which
  /// would be unpacked for each part.
  static func parts(of shape: Shape, dtype: DType, chunk: [Int]?) -> [DatasetPart] {
    let byteCount = shape.elementCount * dtype.byteCount
    let target = max(1 << 22, byteCount / 256)
    guard byteCount > target, let axis = shape.dimensions.firstIndex(where: { $0 > 1 }) else {
      return [DatasetPart(box: nil, byteCount: byteCount)]
    }
    let extent = shape.dimensions[axis]
    let rowByteCount = byteCount / extent
    let unit = min(max(chunk.map { $0[axis] } ?? 1, 1), extent)
    let rows = max(1, target / (unit * rowByteCount)) * unit
    return stride(from: 0, to: extent, by: rows).map { start in
      var box = shape.dimensions.map { 0..<$0 }
      box[axis] = start..<min(start + rows, extent)
      return DatasetPart(box: box, byteCount: box[axis].count * rowByteCount)
    }
  }
}
