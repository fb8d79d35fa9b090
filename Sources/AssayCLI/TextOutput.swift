import Assay
import Foundation

/// Writes the files of text that options name: reports, rules, plots.
enum TextOutput {
  /// Puts text in a file's place, whole or not at all.
  ///
  /// What is there may be an earlier report, but no golden: a name given to the wrong option must
  /// not cost one. No text has a NUL; a recorded run, a checkpoint and a `.pt` begin with some.
  ///
  /// - Throws: ``CommandError/wouldReplaceData(path:)``, ``FileError/unwritable(path:reason:)``.
  static func replace(_ path: String, with data: Data) throws {
    if isBinary(path) { throw CommandError.wouldReplaceData(path: path) }
    try WholeFile.replace(path, with: data)
  }

  private static func isBinary(_ path: String) -> Bool {
    var information = stat()
    // A pipe would be waited for.
    guard stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG,
      let file = FileHandle(forReadingAtPath: path)
    else { return false }
    defer { try? file.close() }
    return (try? file.read(upToCount: 512))?.contains(0) ?? false
  }
}
