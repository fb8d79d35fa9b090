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
