import Foundation

/// A folder for what a command writes, to be removed when it is done with.
struct ScratchFolder {
  let path: String

  init(_ name: String) throws {
    path = FileManager.default.temporaryDirectory
      .appending(component: "\(name)-\(UUID().uuidString.lowercased())")
      .path(percentEncoded: false)
    // What a model computed is nobody else's business.
    guard mkdir(path, 0o700) == 0 else {
      throw CommandError.cannotWrite(path: path, reason: String(cString: strerror(errno)))
    }
  }

  /// Removes the folder and all that is in it.
  func remove() {
    try? FileManager.default.removeItem(atPath: path)
  }
}
