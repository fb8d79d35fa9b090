internal import AssayTensors

/// A type in a file, if it is one of those that the schema's readers take.
enum NativeDatatype: Equatable {
  /// The type of numbers that a tensor may have.
  case number(Number)
  case boolean
  case complex(Number)
  /// A fixed-length string.
  case text(FixedText.Padding)

  struct Number: Equatable {
    enum Format: Equatable {
      case signed, unsigned
      case float(FloatFormat)
    }
    var format: Format
    var isBigEndian: Bool
  }

  /// Reads a type and how many bytes an element has.
  static func read(_ cursor: inout NativeCursor) throws -> (type: NativeDatatype, byteCount: Int) {
    let start = try cursor.byte()
    let version = start >> 4
    let bits = try cursor.number(byteCount: 3)
    let size = try cursor.size(byteCount: 4)
    guard (1...3).contains(version), size > 0 else { throw HDF5Unread("a type") }
    switch start & 15 {
    case 0: return (.number(try integer(&cursor, bits, size)), size)
    case 1: return (.number(try float(&cursor, bits, size)), size)
    case 3:
      guard bits & ~0x1F == 0, bits & 15 <= 2 else { throw HDF5Unread("a string") }
      let padding: FixedText.Padding =
        switch bits & 15 {
        case 0: .endsWithNUL
        case 1: .nul
        default: .space
        }
      return (.text(padding), size)
    case 6:
      guard bits == 2 else { throw HDF5Unread("a compound") }
      return (.complex(try complex(&cursor, version, size)), size)
    case 8:
      guard bits == 2, size == 1 else { throw HDF5Unread("an enumeration") }
      try checkBoolean(&cursor, version)
      return (.boolean, size)
    case let other: throw HDF5Unread("a type of class \(other)")
    }
  }

  private static func integer(
    _ cursor: inout NativeCursor, _ bits: UInt64, _ size: Int
  ) throws -> Number {
    guard bits & ~9 == 0, try cursor.short() == 0, try cursor.short() == 8 * size,
      [1, 2, 4, 8].contains(size)
    else { throw HDF5Unread("an integer") }
    return Number(format: bits & 8 != 0 ? .signed : .unsigned, isBigEndian: bits & 1 != 0)
  }

  private static func float(
    _ cursor: inout NativeCursor, _ bits: UInt64, _ size: Int
  ) throws -> Number {
    // No padding, and a fraction with an implied one; the sign is on top.
    guard bits & 0xFF & ~1 == 0x20, bits >> 16 == 0, bits >> 8 == 8 * size - 1,
      try cursor.short() == 0, try cursor.short() == 8 * size
    else { throw HDF5Unread("a float") }
    let exponentStart = try cursor.byte()
    let exponentBits = try cursor.byte()
    let fractionStart = try cursor.byte()
    let fractionBits = try cursor.byte()
    let bias = try cursor.size(byteCount: 4)
    guard fractionStart == 0, exponentStart == fractionBits, (1...15).contains(exponentBits),
      exponentBits + fractionBits + 1 == 8 * size
    else { throw HDF5Unread("a float") }
    return Number(
      format: .float(
        FloatFormat(exponentBits: exponentBits, fractionBits: fractionBits, bias: bias)),
      isBigEndian: bits & 1 != 0)
  }

  /// Takes a name, which only the newest version does not pad.
  private static func expectName(
    _ cursor: inout NativeCursor, _ name: StaticString, _ version: Int
  ) throws {
    let start = cursor.position
    try cursor.expect(name)
    try cursor.expect(0, "a name that goes on with")
    while version < 3, !(cursor.position - start).isMultiple(of: 8) {
      try cursor.expect(0, "a name that is padded with")
    }
  }

  private static func checkBoolean(_ cursor: inout NativeCursor, _ version: Int) throws {
    let base = try number(&cursor)
    guard base.byteCount == 1, base.type.format == .signed else {
      throw HDF5Unread("an enumeration")
    }
    try expectName(&cursor, "FALSE", version)
    try expectName(&cursor, "TRUE", version)
    try cursor.expect(0, "false is")
    try cursor.expect(1, "true is")
  }

  private static func complex(
    _ cursor: inout NativeCursor, _ version: Int, _ size: Int
  ) throws -> Number {
    var parts: [Number] = []
    for (index, name) in (["r", "i"] as [StaticString]).enumerated() {
      try expectName(&cursor, name, version)
      // The newest version takes as few bytes as the size needs.
      let offset = try cursor.size(byteCount: version < 3 ? 4 : 1)
      if version == 1 {
        // No axes of an array.
        guard try cursor.byte() == 0 else { throw HDF5Unread("a compound of arrays") }
        try cursor.skip(3 + 4 + 4 + 16)
      }
      let part = try number(&cursor)
      guard offset == index * size / 2, part.byteCount == size / 2, case .float = part.type.format
      else { throw HDF5Unread("a compound") }
      parts.append(part.type)
    }
    guard parts[0] == parts[1], size.isMultiple(of: 2) else { throw HDF5Unread("a compound") }
    return parts[0]
  }

  /// The number that a compound or an enumeration is made of, which has no parts of its own: types
  /// within types would lead as deep as a message is long.
  private static func number(
    _ cursor: inout NativeCursor
  ) throws -> (type: Number, byteCount: Int) {
    guard [0, 1].contains(try cursor.bytes.number(at: cursor.position, as: UInt8.self) & 15),
      case (.number(let number), let size) = try read(&cursor)
    else { throw HDF5Unread("a type of no numbers") }
    return (number, size)
  }
}

extension NativeDatatype {
  /// What the type means for a tensor.
  func recognized(byteCount: Int) throws -> Datatype.Recognized {
    let found: Datatype.Recognized? =
      switch self {
      case .number(let number):
        switch number.format {
        case .signed, .unsigned:
          Datatype.integer(
            byteCount: byteCount, isSigned: number.format == .signed,
            isBigEndian: number.isBigEndian)
        case .float(let format): Datatype.float(format, isBigEndian: number.isBigEndian)
        }
      case .boolean: Datatype.Recognized(dtypes: [.bool], isBigEndian: false)
      case .complex(let part):
        if case .float(let format) = part.format {
          Datatype.float(format, isBigEndian: part.isBigEndian).flatMap(
            Datatype.complex(of:))
        } else {
          nil
        }
      case .text: nil
      }
    guard let found else { throw HDF5Unread("the type of no dtype") }
    return found
  }
}
