import AssayRuns
import Foundation

/// A folder for what a command writes, to be removed when it is done with.
struct ScratchFolder {
  let path: String

  init(_ name: String) throws {
    try self.init(name, in: FileManager.default.temporaryDirectory)
  }

  /// Makes a hidden folder beside what it will become.
  init(beside destination: String) throws {
    let parent = URL(filePath: destination).deletingLastPathComponent()
    try FileSystem.makeDirectory(parent.path(percentEncoded: false), withParents: true)
    try self.init(".assay", in: parent)
  }

  private init(_ name: String, in parent: URL) throws {
    path = parent.appending(component: "\(name)-\(UUID().uuidString.lowercased())")
      .path(percentEncoded: false)
    // What a model computed is nobody else's business.
    guard mkdir(path, 0o700) == 0 else {
      throw CommandError.cannotWrite(path: path, reason: String(cString: strerror(errno)))
    }
  }

  /// Removes the folder and all that is in it, also under the hands of a thread that writes there.
  func remove() {
    let gone = path + ".gone"
    let isMoved = rename(path, gone) == 0
    try? FileManager.default.removeItem(atPath: isMoved ? gone : path)
  }
}
