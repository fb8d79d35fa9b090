/// Turning the bytes of numbers around.
package enum HDF5ByteOrder {
  /// Reverses the bytes of each unit in place.
  package static func swap(_ buffer: UnsafeMutableRawBufferPointer, unit: Int) {
    guard unit > 1 else { return }
    for start in stride(from: 0, to: buffer.count - unit + 1, by: unit) {
      buffer[start..<start + unit].reverse()
    }
  }
}
