import Foundation

/// The few calls of the operating system whose failures need its own words.
package enum FileSystem {
  /// Makes a directory.
  ///
  /// - Parameters:
  ///   - path: Where.
  ///   - withParents: Whether those above it are made as well, and one that is there will do.
  /// - Throws: ``RunError/writeFailed(path:reason:)``.
  package static func makeDirectory(
    _ path: String, withParents: Bool = false
  ) throws(RunError) {
    if mkdir(path, 0o777) == 0 { return }
    if withParents, errno == ENOENT {
      let parent = (path as NSString).deletingLastPathComponent
      if !parent.isEmpty, parent != path {
        try makeDirectory(parent, withParents: true)
        if mkdir(path, 0o777) == 0 { return }
      } else {
        errno = ENOENT
      }
    }
    guard withParents, errno == EEXIST else { throw failure(path) }
    if DirectoryListing.isDirectory(path) { return }
    errno = ENOTDIR
    throw failure(path)
  }

  /// The folders of a path that are not there, the deepest first.
  static func missingFolders(of path: String) -> [String] {
    var missing: [String] = []
    var path = path
    while !path.isEmpty, path != "/", access(path, F_OK) != 0 {
      missing.append(path)
      path = (path as NSString).deletingLastPathComponent
    }
    return missing
  }

  /// Waits until a file's bytes are on the disk.
  static func synchronize(_ path: String) throws(RunError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure(path) }
  }

  /// Gives a file its final name, in place of what had it before.
  package static func rename(_ path: String, to target: String) throws(RunError) {
    guard Foundation.rename(path, target) == 0 else { throw failure(target) }
    // The file is whole either way; a folder that cannot be synchronized is no failure.
    try? synchronize(URL(filePath: target).deletingLastPathComponent().path)
  }

  private static func failure(_ path: String) -> RunError {
    .writeFailed(path: path, reason: String(cString: strerror(errno)))
  }
}
