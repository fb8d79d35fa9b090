import AssayBase

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
    try entries(in: path).map(\.name)
  }

  /// The names in a directory, as `names(in:)` gives them, and which of them are directories or
  /// symbolic links to one.
  ///
  /// - Throws: ``RunError/notFound(path:)`` or ``RunError/damaged(path:reason:)``.
  static func entries(
    in path: String
  ) throws(RunError) -> [(name: String, isDirectory: Bool)] {
    guard let stream = opendir(path) else {
      let reason = String(cString: strerror(errno))
      guard FileSystem.exists(path) else { throw .notFound(path: path) }
      throw .damaged(path: path, reason: "the directory cannot be listed: \(reason)")
    }
    defer { closedir(stream) }
    var entries: [(name: String, isDirectory: Bool)] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        if errno == 0 { break }
        let reason = String(cString: strerror(errno))
        throw .damaged(path: path, reason: "the directory cannot be listed: \(reason)")
      }
      let (name, repaired) = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        let length = MemoryLayout.size(ofValue: pointer.pointee)
        return pointer.withMemoryRebound(to: CChar.self, capacity: length) {
          (String(validatingCString: $0), String(cString: $0))
        }
      }
      if repaired.hasPrefix(".") { continue }
      // Such a name cannot be opened again, and what it names must not go unnoticed.
      guard let name else {
        throw .damaged(path: path, reason: "the name \"\(repaired)\" in it is not UTF-8; rename it")
      }
      let isDirectory =
        switch Int32(entry.pointee.d_type) {
        case Int32(DT_DIR): true
        case Int32(DT_REG): false
        default: FileSystem.isDirectory(path + "/" + name)
        }
      entries.append((name, isDirectory))
    }
    return entries.sorted { NaturalOrder.precedes($0.name, $1.name) }
  }
}
