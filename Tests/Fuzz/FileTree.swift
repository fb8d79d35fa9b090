import Foundation

/// Several files in one input: `@@ path` on a line of its own, then the file's bytes.
///
/// Pieces may be cut, swapped and repeated, and it stays one.
struct FileTree {
  var files: [(path: String, bytes: [UInt8])] = []

  private static let mark = Array("\n@@ ".utf8)
  private static let fileLimit = 64

  init(_ input: [UInt8]) {
    let input = [UInt8(ascii: "\n")] + input
    var starts: [Int] = []
    input.withUnsafeBytes { bytes in
      for position in bytes.indices.dropLast(FileTree.mark.count - 1)
      where bytes[position] == FileTree.mark[0] && starts.count < FileTree.fileLimit {
        if bytes[position...].starts(with: FileTree.mark) { starts.append(position) }
      }
    }
    for (index, start) in starts.enumerated() {
      let end = index + 1 < starts.count ? starts[index + 1] : input.count
      let part = input[start + FileTree.mark.count..<end]
      let line = part.prefix { $0 != UInt8(ascii: "\n") }
      files.append((String(decoding: line, as: UTF8.self), Array(part.dropFirst(line.count + 1))))
    }
  }

  /// Writes the files below a folder, in place of what was there; none leaves it.
  func write(to folder: String) {
    Scratch.remove(folder)
    mkdir(folder, 0o700)
    for (path, bytes) in files {
      let names = path.split(separator: "/")
      guard !path.utf8.contains(0), names.count <= 8, names.allSatisfy({ $0 != ".." && $0 != "." }),
        let last = names.last
      else { continue }
      var place = folder
      for name in names.dropLast() {
        place += "/" + name
        mkdir(place, 0o700)
      }
      place += "/" + last
      if path.hasSuffix("/") { mkdir(place, 0o700) } else { Scratch.write(bytes, to: place) }
    }
  }
}
