#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// What a checkout or a download has left in the place of a file.
///
/// Every reader asks for it where a file cannot be opened or is not what it should be, since the
/// remedy is to fetch the file, and not to look for damage.
package struct StandIn: Equatable, Sendable {
  /// What it is and what to do, after the name of the file: "is a git-lfs pointer, …".
  package let text: String

  /// Recognises what stands at a path.
  ///
  /// - Parameters:
  ///   - path: A file that could not be read.
  ///   - isText: Whether the file is to be JSON: then only an answer that tells of an error is none.
  /// - Returns: `nil` where nothing shows that the file was not fetched.
  package init?(at path: String, isText: Bool = false) {
    guard let text = Self.link(path) ?? Self.missing(path) ?? Self.content(path, isText: isText)
    else { return nil }
    self.text = text
  }

  // MARK: What is not there

  /// A link of git-annex or DVC whose content was not fetched.
  private static func link(_ path: String) -> String? {
    guard let target = target(of: path), access(path, F_OK) != 0 else { return nil }
    if target.contains("annex/objects/") {
      return "is a link into git-annex whose content is not here; fetch it: \(annex(path))"
    }
    if target.contains(".dvc/cache/") {
      return "is a link into DVC's cache whose content is not here; fetch it: \(dvc(path))"
    }
    return "is a link to \(target), which is not there"
  }

  /// What DVC tracks and did not fetch: a file, or a folder that it would be in.
  private static func missing(_ path: String) -> String? {
    var tracked = path
    while access(tracked, F_OK) != 0 {
      if access(tracked + ".dvc", F_OK) == 0 {
        return "is not here, but \(tracked).dvc is: DVC keeps the content; fetch it: "
          + dvc(tracked)
      }
      guard let parent = folder(of: tracked) else { return nil }
      tracked = parent
    }
    return nil
  }

  // MARK: What is there

  /// How much of a file tells what it is.
  private static let headLimit = 4096

  private static func content(_ path: String, isText: Bool) -> String? {
    guard let file = try? MappedFile(path: path) else { return nil }
    guard file.byteCount > 0 else {
      return "is empty: it was not written or fetched to its end; record or fetch it again"
    }
    let head = file.withUnsafeBytes { Array($0.prefix(headLimit)) }
    let text = String(decoding: head, as: UTF8.self)
    if text.hasPrefix("version https://git-lfs.github.com/spec/")
      || text.hasPrefix("version https://hawser.github.com/spec/")
    {
      return "is a git-lfs pointer, not the file itself; fetch it: \(lfs(path))"
    }
    if text.hasPrefix("/annex/objects/") {
      return "is a git-annex pointer, not the file itself; fetch it: \(annex(path))"
    }
    // Text of another encoding, and all that is binary, is judged by who reads it.
    guard !head.contains(where: isBinary), !text.unicodeScalars.dropLast().contains("\u{FFFD}")
    else { return nil }
    return answer(text, isText: isText)
  }

  /// Whether no text has a byte: a control character that is neither white space nor an escape.
  private static func isBinary(_ byte: UInt8) -> Bool {
    byte < 32 && !(9...13).contains(byte) && byte != 27
  }

  /// What a server sent in the place of a file.
  private static func answer(_ text: String, isText: Bool) -> String? {
    let text = text.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
    let start = text.prefix(15).lowercased()
    let what: String
    if start.hasPrefix("<!doctype html") || start.hasPrefix("<html") || start.hasPrefix("<head") {
      what = "a web page, perhaps one to log in"
    } else if start.hasPrefix("<") {
      what = "an XML text, perhaps of an error"
    } else if start.hasPrefix("{") || start.hasPrefix("[") {
      let tells = ["error", "errors", "message", "detail"].contains { text.contains("\"\($0)\"") }
      guard !isText || tells && !text.contains("\"schema\"") else { return nil }
      what = tells ? "a JSON text that tells of an error" : "a JSON text"
    } else if !isText {
      what = "a text"
    } else {
      return nil
    }
    return
      "is \(what), not the file itself (it begins \"\(beginning(of: text))\"); fetch it again, "
      + "logged in where the server asks for that"
  }

  private static func beginning(of text: Substring) -> String {
    let words = text.prefix(200).split(whereSeparator: \.isWhitespace).joined(separator: " ")
    let shown = String.UnicodeScalarView(
      words.unicodeScalars.filter { $0.properties.generalCategory != .control })
    return shown.count > 60 ? String(shown.prefix(60)) + "…" : String(shown)
  }

  // MARK: How it is fetched

  private static func lfs(_ path: String) -> String {
    guard let (root, inside) = repository(of: path) else {
      return "git lfs pull, in the repository that it comes from"
    }
    // These mean something else in a pattern, and git-lfs has no way to say that they do not.
    let isPattern = inside.contains { ",*?[]\\!".contains($0) }
    return "git\(option("-C", root)) lfs pull" + (isPattern ? "" : " --include=\(quoted(inside))")
  }

  private static func annex(_ path: String) -> String {
    guard let (root, inside) = repository(of: path) else {
      return "git annex get, in the repository that it comes from"
    }
    return isHere(root)
      ? "git annex get \(quoted(path))"
      : "git -C \(quoted(root)) annex get \(quoted(inside))"
  }

  private static func dvc(_ path: String) -> String {
    guard let (root, inside) = repository(of: path), !isHere(root) else {
      return "dvc pull \(quoted(path))"
    }
    return "dvc --cd \(quoted(root)) pull \(quoted(inside))"
  }

  private static func option(_ name: String, _ root: String) -> String {
    isHere(root) ? "" : " \(name) \(quoted(root))"
  }

  /// The folder above a file that has a `.git`, and the file's path from there.
  private static func repository(of path: String) -> (root: String, inside: String)? {
    var above = folder(of: path)
    // The folder of a file that was not fetched may not be there either.
    while let folder = above, real(folder) == nil { above = Self.folder(of: folder) }
    guard let above, let start = real(above) else { return nil }
    let rest = path.dropFirst(above == "." ? 0 : above.utf8.count).drop { $0 == "/" }
    var root = start
    while access(root == "/" ? "/.git" : root + "/.git", F_OK) != 0 {
      guard root != "/", let parent = folder(of: root) else { return nil }
      root = parent
    }
    let below = start.dropFirst(root.count).drop { $0 == "/" }
    return (root, below.isEmpty ? String(rest) : "\(below)/\(rest)")
  }

  /// Whether commands run where the process runs reach a repository.
  private static func isHere(_ root: String) -> Bool {
    guard let here = real(".") else { return false }
    return here == root || here.hasPrefix(root == "/" ? root : root + "/")
  }

  private static func folder(of path: String) -> String? {
    let path = path.hasSuffix("/") && path.count > 1 ? String(path.dropLast()) : path
    guard let slash = path.lastIndex(of: "/") else { return path == "." ? nil : "." }
    if slash == path.startIndex { return path == "/" ? nil : "/" }
    return String(path[..<slash])
  }

  private static func real(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  private static func target(of path: String) -> String? {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink(path, &buffer, buffer.count)
    return count < 0
      ? nil : String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// A word as a shell takes it.
  private static func quoted(_ word: String) -> String {
    let isPlain = word.utf8.allSatisfy {
      $0 > 127 || UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0
        || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0
        || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || "/._-+:@%=".utf8.contains($0)
    }
    return isPlain && !word.isEmpty
      ? word
      : "'"
        + word.split(separator: "'", omittingEmptySubsequences: false)
        .joined(separator: "'\\''") + "'"
  }
}
