import Foundation

/// A directory that lives as long as the value.
final class TemporaryDirectory {
  let path: String

  init() throws {
    path =
      FileManager.default.temporaryDirectory.appending(path: "assay-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Makes a directory below.
  @discardableResult
  func directory(_ name: String) throws -> String {
    let child = path + "/" + name
    try FileManager.default.createDirectory(atPath: child, withIntermediateDirectories: true)
    return child
  }

  /// Writes a file below, and the directories on the way.
  @discardableResult
  func file(_ name: String, _ text: String = "") throws -> String {
    let file = path + "/" + name
    try directory((name as NSString).deletingLastPathComponent)
    try Data(text.utf8).write(to: URL(filePath: file))
    return file
  }
}
