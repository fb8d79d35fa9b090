import Foundation

/// The few calls of the operating system whose failures need its own words.
package enum FileSystem {
  /// Whether there is anything at a path.
  package static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  /// Whether a path is a directory, or a symbolic link to one.
  package static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Makes a directory.
  ///
  /// - Parameters:
  ///   - path: Where.
  ///   - withParents: Whether those above it are made as well, and one that is there will do.
  /// - Throws: ``FileError/unwritable(path:reason:)``.
  package static func makeDirectory(
    _ path: String, withParents: Bool = false
  ) throws(FileError) {
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
    if isDirectory(path) { return }
    errno = ENOTDIR
    throw failure(path)
  }

  /// The folders of a path that are not there, the deepest first.
  package static func missingFolders(of path: String) -> [String] {
    var missing: [String] = []
    var path = path
    while !path.isEmpty, path != "/", access(path, F_OK) != 0 {
      missing.append(path)
      path = (path as NSString).deletingLastPathComponent
    }
    return missing
  }

  /// Waits until a file's bytes are on the disk.
  package static func synchronize(_ path: String) throws(FileError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure(path) }
  }
}

// MARK: - Whole or not at all

extension FileSystem {
  /// A hidden name in the folder of what is to be written, which nobody else has.
  ///
  /// - Parameter path: The name that it shall have once it is whole.
  package static func temporaryPath(beside path: String) -> String {
    // Foundation's UUID opens a file for its random bits, as dear as making the file itself.
    let number = String(UInt64.random(in: .min ... .max), radix: 16)
    return temporaryPrefix(of: path) + number + temporarySuffix
  }

  /// Gives a file or folder its final name, in place of a file that had it before.
  ///
  /// - Parameter isDurable: Whether the new name outlives a crash of the machine.
  package static func rename(
    _ path: String, to target: String, isDurable: Bool = true
  ) throws(FileError) {
    guard Foundation.rename(path, target) == 0 else { throw failure(target) }
    // The file is whole either way; a folder that cannot be synchronized is no failure.
    if isDurable { try? synchronize(URL(filePath: target).deletingLastPathComponent().path) }
  }

  /// Gives a file or folder its final name, where nothing has it yet.
  ///
  /// - Returns: Whether it has it now; `false` where something came to be there, which stays.
  package static func renameToNew(_ path: String, to target: String) throws(FileError) -> Bool {
    // A link never takes another's place. Folders have none, and one that holds anything is not
    // replaced by a rename either; some file systems have none at all.
    if !isDirectory(path), link(path, to: target) {
      unlink(path)
      try? synchronize(URL(filePath: target).deletingLastPathComponent().path)
      return true
    }
    if exists(target) { return false }
    try rename(path, to: target)
    return true
  }

  /// Removes what processes that were killed have left beside a file.
  ///
  /// A file that is a day old is not being written by anyone.
  package static func removeAbandonedFiles(beside path: String) {
    let prefix = URL(filePath: temporaryPrefix(of: path)).lastPathComponent
    let keys: Set<URLResourceKey> = [.contentModificationDateKey]
    let files = try? FileManager.default.contentsOfDirectory(
      at: URL(filePath: path).deletingLastPathComponent(), includingPropertiesForKeys: Array(keys))
    for file in files ?? [] {
      let name = file.lastPathComponent
      guard name.hasPrefix(prefix), name.hasSuffix(temporarySuffix),
        let modified = try? file.resourceValues(forKeys: keys).contentModificationDate,
        modified.timeIntervalSinceNow < -86_400
      else { continue }
      unlink(file.path)
    }
  }

  /// Gives a file a second name.
  ///
  /// - Returns: Whether the file system could: some know no links, and none takes any number.
  package static func link(_ path: String, to target: String) -> Bool {
    Foundation.link(path, target) == 0
  }

  private static let temporarySuffix = ".tmp"

  /// The folder of a path, and a hidden name that begins as its own does.
  private static func temporaryPrefix(of path: String) -> String {
    let parts = path.parts(separatedBy: "/")
    var name = parts.last ?? ""
    // With a number it must still fit into the 255 bytes that a file system takes.
    while name.utf8.count > 200 { name.unicodeScalars.removeLast() }
    return (parts.dropLast() + [".\(name)."]).joined(separator: "/")
  }

  private static func failure(_ path: String) -> FileError {
    .unwritable(path: path, reason: String(cString: strerror(errno)))
  }
}
