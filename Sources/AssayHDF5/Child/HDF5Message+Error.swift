#if SystemLibraries
extension HDF5MessageWriter {
  /// What went wrong, case by case: it is said in the other process as it would be in this one.
  mutating func add(_ error: any Error) {
    let (kind, texts): (UInt8, [String]) =
      switch error as? HDF5Error {
      case .library(let operation, let causes): (1, [operation] + causes)
      case .notHDF5: (2, [])
      case .foreignLink(let name, let kind, let remedy): (3, [name, kind, remedy])
      case .unexpected(let name, let found, let expected): (4, [name, found, expected])
      case .unusableText(let text): (5, [text])
      case .unknownType(let name, let found): (6, [name, found])
      case .unsupportedDType(let name, let dtype): (7, [name, dtype])
      case .refusedStorage(let name, let reason): (8, [name, reason])
      case .closed: (9, [])
      case .childFailed, .other, nil: (10, [String(describing: error)])
      }
    add(kind)
    add(list: texts) { $0.add(cut: $1) }
  }
}

extension HDF5MessageReader {
  /// What went wrong in the other process.
  mutating func error() throws -> HDF5Error {
    let kind = try byte()
    let texts = try list { try $0.text() }
    guard texts.allSatisfy({ $0.utf8.count <= 2 * HDF5MessageWriter.errorTextLimit }) else {
      throw Nonsense()
    }
    switch (kind, texts.count) {
    case (1, 1...64): return .library(operation: texts[0], causes: Array(texts.dropFirst()))
    case (2, 0): return .notHDF5
    case (3, 3): return .foreignLink(name: texts[0], kind: texts[1], remedy: texts[2])
    case (4, 3): return .unexpected(name: texts[0], found: texts[1], expected: texts[2])
    case (5, 1): return .unusableText(texts[0])
    case (6, 2): return .unknownType(name: texts[0], found: texts[1])
    case (7, 2): return .unsupportedDType(name: texts[0], dtype: texts[1])
    case (8, 2): return .refusedStorage(name: texts[0], reason: texts[1])
    case (9, 0): return .closed
    case (10, 1): return .other(texts[0])
    default: throw Nonsense()
    }
  }
}
#endif
