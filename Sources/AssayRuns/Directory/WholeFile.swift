import AssayTensors
package import Foundation

/// Writes files that appear whole or not at all.
package enum WholeFile {
  /// Writes to a temporary name in the same directory, then renames.
  ///
  /// - Throws: ``RunError/writeFailed(path:reason:)``; then no file is left behind.
  package static func replace(_ path: String, with data: Data) throws(RunError) {
    do {
      let file = try OutputFile(path: path)
      try file.append(Array(data))
      try file.commit()
    } catch {
      throw .writeFailed(path: path, reason: error.reason)
    }
  }
}
