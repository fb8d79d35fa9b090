import AssayBase

extension Tensor {
  /// The SHA-256 of the elements as contiguous row-major little-endian bytes, in lowercase
  /// hexadecimal digits.
  ///
  /// Dtype and shape are not part of it.
  ///
  /// - Complexity: O(bytes), at each use.
  package var contentHash: String {
    let hash = SHA256()
    let chunk = 1 << 16
    for start in stride(from: 0, to: elementCount, by: chunk) {
      let range = start..<min(start + chunk, elementCount)
      withContiguousBytes(ofElements: range) { hash.update($0) }
      if range.upperBound.isMultiple(of: Tensor.elementsAtOnce) {
        forget(range.upperBound - Tensor.elementsAtOnce..<range.upperBound)
      }
    }
    return hash.finalize().hexadecimal
  }
}
