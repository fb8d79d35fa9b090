import Foundation

/// Where inputs stand that a reader wants as files: a folder in memory, if the machine has one.
enum Scratch {
  static let folder: String = {
    let parent = ProcessInfo.processInfo.environment["ASSAY_FUZZ_SCRATCH"] ?? "/dev/shm"
    let folder = parent + "/assay-fuzz-\(getpid())"
    mkdir(folder, 0o700)
    atexit { Scratch.remove(Scratch.folder) }
    return folder
  }()

  /// Writes a file in place of the one before, and returns its path.
  static func file(_ bytes: [UInt8], named name: String) -> String {
    let path = folder + "/" + name
    write(bytes, to: path)
    return path
  }

  static func write(_ bytes: [UInt8], to path: String) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    // The input's own names may be unusable.
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    bytes.withUnsafeBytes { bytes in
      _ = Foundation.write(descriptor, bytes.baseAddress, bytes.count)
    }
  }

  /// Removes what is at a path, and all below it.
  static func remove(_ path: String) {
    guard unlink(path) != 0, errno == EISDIR, let folder = opendir(path) else { return }
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if name != Array(".".utf8), name != Array("..".utf8) {
        remove(path + "/" + String(decoding: name, as: UTF8.self))
      }
    }
    closedir(folder)
    rmdir(path)
  }
}
