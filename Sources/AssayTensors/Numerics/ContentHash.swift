import AssayBase

/// Names a tensor's content by a digest of its bytes.
package enum ContentHash {
  /// The SHA-256 of the tensor's elements as contiguous row-major little-endian bytes.
  ///
  /// - Returns: 64 lowercase hexadecimal digits; dtype and shape are not part of it.
  package static func sha256(of tensor: Tensor) -> String {
    let hash = SHA256()
    let chunk = 1 << 16
    for start in stride(from: 0, to: tensor.elementCount, by: chunk) {
      let range = start..<min(start + chunk, tensor.elementCount)
      tensor.withContiguousBytes(ofElements: range) { hash.update($0) }
    }
    return hash.finalize().hexadecimal
  }
}
