/// What can be wrong with a `.pt` file, or with writing one; every case names the file.
public enum TorchError: Error, Equatable, Sendable {
  /// The file could not be opened, measured or mapped.
  case unreadable(path: String, reason: String)
  /// The file is neither a torch zip archive nor a legacy torch file, or is damaged.
  case malformed(path: String, reason: String)
  /// An entry's bytes do not have the checksum that the archive promises.
  case checksumMismatch(path: String, entry: String, expected: UInt32, found: UInt32)
  /// The pickle names a global that could run code, or that no tensor file needs.
  case forbiddenGlobal(path: String, name: String)
  /// The file is sound, but holds something that this reader does not know.
  case unsupported(path: String, reason: String)
  /// The file asks for more memory, depth or objects than its size justifies.
  case excessive(path: String, reason: String)
  /// The file holds something else than one tensor.
  case notOneTensor(path: String, found: String)
  /// The file could not be written; nothing of it was left behind.
  case unwritable(path: String, reason: String)
}

extension TorchError: CustomStringConvertible {
  /// A sentence that names the file and what is wrong with it.
  public var description: String {
    switch self {
    case .unreadable(let path, let reason):
      "cannot read \(path): \(reason)"
    case .malformed(let path, let reason):
      "\(path) is damaged or no torch file: \(reason)"
    case .checksumMismatch(let path, let entry, let expected, let found):
      "\(path) is damaged: entry \(entry) has CRC-32 \(hex(found)), its directory says \(hex(expected))"
    case .forbiddenGlobal(let path, let name):
      "\(path) is refused: its pickle uses \(name), which a tensor file does not need"
    case .unsupported(let path, let reason):
      "\(path) is not supported: \(reason)"
    case .excessive(let path, let reason):
      "\(path) is refused: \(reason)"
    case .notOneTensor(let path, let found):
      "\(path) holds \(found) where one tensor was expected"
    case .unwritable(let path, let reason):
      "cannot write \(path): \(reason)"
    }
  }

  private func hex(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
  }
}
