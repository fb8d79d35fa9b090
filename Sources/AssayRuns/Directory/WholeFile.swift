import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Writes files that appear whole or not at all.
enum WholeFile {
  /// Writes to a temporary name in the same directory, then renames.
  ///
  /// - Throws: ``RunError/writeFailed(path:reason:)``; then no file is left behind.
  static func replace(_ path: String, with data: Data) throws(RunError) {
    let temporary =
      (path as NSString).deletingLastPathComponent + "/.assay-\(UUID().uuidString).tmp"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw .writeFailed(path: path, reason: String(cString: strerror(errno)))
    }
    var reason = writeAll(data, to: descriptor)
    // A full disk or a lost network folder may show only here.
    if close(descriptor) != 0, reason == nil { reason = String(cString: strerror(errno)) }
    if reason == nil, rename(temporary, path) != 0 { reason = String(cString: strerror(errno)) }
    if let reason {
      unlink(temporary)
      throw .writeFailed(path: path, reason: reason)
    }
  }

  /// - Returns: The operating system's reason for a failure.
  private static func writeAll(_ data: Data, to descriptor: Int32) -> String? {
    data.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = write(
          descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count < 0 {
          if errno == EINTR { continue }
          return String(cString: strerror(errno))
        }
        rest = rest.dropFirst(count)
      }
      return nil
    }
  }
}
