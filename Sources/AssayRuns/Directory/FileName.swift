import AssayBase
import AssayTensors
import Foundation

/// Names of modules, slots and devices as names of files and directories that any file system takes.
///
/// Windows has characters and devices that no name may be, others fold case or Unicode's spellings,
/// and none has names of more than 255 bytes. `run.json` holds the exact names.
enum FileName {
  /// Writes the bytes that cannot stand in a name as `%` and two hexadecimal digits.
  static func escape(_ text: String) -> String {
    let bytes = Array(text.utf8)
    var escaped: [UInt8] = []
    for (position, byte) in bytes.enumerated() {
      let isEscaped =
        byte < 0x20 || forbidden.contains(byte)
        || position == 0 && (byte == UInt8(ascii: ".") || isDevice(text))
        || position == bytes.count - 1 && (byte == UInt8(ascii: ".") || byte == UInt8(ascii: " "))
      escaped += isEscaped ? DiskName.escape(byte) : [byte]
    }
    return String(decoding: escaped, as: UTF8.self)
  }

  private static let forbidden = Set("%/\"*:<>?\\|".utf8)

  /// Whether Windows takes the name for a device, whatever follows a dot.
  private static func isDevice(_ text: String) -> Bool {
    var name = Array((text.parts(separatedBy: ".").first ?? "").utf8)
    while name.last == UInt8(ascii: " ") { name.removeLast() }
    return devices.contains(name.map(lowercased))
  }

  private static let devices: Set<[UInt8]> = {
    let ports = ["com", "lpt"].flatMap { kind in "0123456789¹²³".map { kind + String($0) } }
    return Set((["con", "prn", "aux", "nul", "conin$", "conout$"] + ports).map { Array($0.utf8) })
  }()

  static func lowercased(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
  }

  /// The most bytes that a name may have on every file system.
  static let byteLimit = 255

  /// A stem that fits with its extension: itself, or its beginning and a hash of all of it.
  static func fitted(_ stem: String, extension: String) -> String {
    let bytes = Array(stem.utf8)
    guard bytes.count + `extension`.utf8.count > byteLimit else { return stem }
    var head = bytes[..<200]
    // Neither a character nor an escape is cut.
    while String(validating: head, as: UTF8.self) == nil { head.removeLast() }
    let tail = String(decoding: head, as: UTF8.self).unicodeScalars.suffix(2)
    if let percent = tail.lastIndex(of: "%") {
      head.removeLast(String(String.UnicodeScalarView(tail[percent...])).utf8.count)
    }
    let hash = SHA256.hash(bytes).hexadecimal.prefix(32)
    return String(decoding: head, as: UTF8.self) + "%~" + hash
  }

  /// What two names share that one file system or another takes for the same.
  static func folded(_ name: String) -> [UInt8] {
    if name.utf8.allSatisfy({ $0 < 0x80 }) { return name.utf8.map(lowercased) }
    var folded = ""
    for scalar in name.decomposedStringWithCanonicalMapping.unicodeScalars {
      for upper in scalar.properties.uppercaseMapping.unicodeScalars {
        folded += upper.properties.lowercaseMapping
      }
    }
    return Array(folded.decomposedStringWithCanonicalMapping.utf8)
  }
}

/// The names of one directory, no two of which are the same on any file system.
struct FileNames {
  private var taken: Set<[UInt8]>

  /// Makes a directory's names, some of which are taken.
  init(taken: [String] = []) {
    self.taken = Set(taken.map(FileName.folded))
  }

  /// Takes a name: the stem, or the stem and as few `%` as tell it from those that are taken.
  ///
  /// - Returns: The name without its extension.
  mutating func take(_ stem: String, extension: String = "") -> String {
    var stem = stem
    while true {
      let name = FileName.fitted(stem, extension: `extension`)
      if taken.insert(FileName.folded(name)).inserted { return name }
      stem += "%"
    }
  }
}
