import Foundation

/// A folder for what is written for a while, to be removed when it is done with.
package struct ScratchFolder: Sendable {
  /// Where it is.
  package let path: String

  /// Makes a folder among the system's temporary ones.
  package init(_ name: String) throws(FileError) {
    try self.init(name, in: FileManager.default.temporaryDirectory)
  }

  /// Makes a hidden folder beside what it will become.
  package init(beside destination: String) throws(FileError) {
    let parent = URL(filePath: destination).deletingLastPathComponent()
    try FileSystem.makeDirectory(parent.path(percentEncoded: false), withParents: true)
    try self.init(".assay", in: parent)
  }

  private init(_ name: String, in parent: URL) throws(FileError) {
    path = parent.appending(component: "\(name)-\(UUID().uuidString.lowercased())")
      .path(percentEncoded: false)
    // What a model computed is nobody else's business.
    guard mkdir(path, 0o700) == 0 else {
      throw .unwritable(path: path, reason: String(cString: strerror(errno)))
    }
  }

  /// Removes the folder and all that is in it, also under the hands of a thread that writes there.
  package func remove() {
    let gone = path + ".gone"
    let isMoved = rename(path, gone) == 0
    try? FileManager.default.removeItem(atPath: isMoved ? gone : path)
  }
}
