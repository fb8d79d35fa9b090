import Foundation

/// A name of a module, slot, device, key or file, which is its bytes.
///
/// `String` takes an é of one scalar and one of two for the same; PyTorch, files and HDF5 do not.
package struct ExactName: Hashable, Comparable, Sendable {
  /// The name.
  package let text: String

  /// Makes a name.
  package init(_ text: some StringProtocol) {
    self.text = String(text)
  }

  /// Whether both are the same bytes.
  package static func == (left: ExactName, right: ExactName) -> Bool {
    left.text.isSame(as: right.text)
  }

  /// Whether the bytes of one come before those of the other.
  package static func < (left: ExactName, right: ExactName) -> Bool {
    left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
  }

  /// Hashes the bytes.
  package func hash(into hasher: inout Hasher) { text.hashBytes(into: &hasher) }
}

extension String {
  /// What follows a prefix of the same bytes, or `nil` without it.
  package func dropping(prefix: String) -> String? {
    begins(with: prefix) ? String(Substring(utf8.dropFirst(prefix.utf8.count))) : nil
  }
}

extension StringProtocol {
  /// Whether both are the same bytes.
  package func isSame(as other: some StringProtocol) -> Bool {
    // Every look-up of a name ends here: bytes that lie together are compared as such.
    let compared = utf8.withContiguousStorageIfAvailable { left in
      other.utf8.withContiguousStorageIfAvailable { right -> Bool in
        guard left.count == right.count else { return false }
        guard let first = left.baseAddress, let second = right.baseAddress else { return true }
        return memcmp(first, second, left.count) == 0
      }
    }
    return (compared ?? nil) ?? utf8.elementsEqual(other.utf8)
  }

  /// Whether the bytes begin with those of another text.
  package func begins(with prefix: some StringProtocol) -> Bool { utf8.starts(with: prefix.utf8) }

  /// The parts between separators, which Swift's own `split` misses before a combining character.
  package func parts(separatedBy separator: Unicode.Scalar) -> [String] {
    unicodeScalars.split(separator: separator, omittingEmptySubsequences: false)
      .map { String(String.UnicodeScalarView($0)) }
  }

  /// Hashes the bytes, and that they end.
  package func hashBytes(into hasher: inout Hasher) {
    var text = String(self)
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    hasher.combine(0xFF as UInt8)
  }
}
