import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What stands in a directory, asked without following it any deeper.
enum DirectoryListing {
  /// The names in a directory, without hidden ones such as `.DS_Store`, in natural order.
  ///
  /// - Throws: ``RunError/notFound(path:)`` or ``RunError/damaged(path:reason:)``.
  static func names(in path: String) throws(RunError) -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: path)
        .filter { !$0.hasPrefix(".") }
        .sorted(by: NaturalOrder.precedes)
    } catch {
      guard exists(path) else { throw .notFound(path: path) }
      throw .damaged(path: path, reason: "the directory cannot be listed")
    }
  }

  /// Whether there is anything at a path.
  static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  /// Whether a path is a directory, or a symbolic link to one.
  static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}

/// The order in which people count: `layers.2` before `layers.10`.
enum NaturalOrder {
  static func precedes(_ left: String, _ right: String) -> Bool {
    let (a, b) = (Array(left.utf8), Array(right.utf8))
    var (i, j) = (0, 0)
    while i < a.count, j < b.count {
      if isDigit(a[i]), isDigit(b[j]) {
        let (x, y) = (number(a, &i), number(b, &j))
        if x.count != y.count { return x.count < y.count }
        if x != y { return x.lexicographicallyPrecedes(y) }
      } else {
        if a[i] != b[j] { return a[i] < b[j] }
        i += 1
        j += 1
      }
    }
    if a.count - i != b.count - j { return a.count - i < b.count - j }
    return a.lexicographicallyPrecedes(b)
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  /// The digits of a number without leading zeros.
  private static func number(_ text: [UInt8], _ position: inout Int) -> ArraySlice<UInt8> {
    let start = position
    while position < text.count, isDigit(text[position]) { position += 1 }
    return text[start..<position].drop { $0 == UInt8(ascii: "0") }
  }
}
