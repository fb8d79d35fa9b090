/// Reads the fields of a GGUF file in order, never beyond its end.
struct GGUFCursor {
  let bytes: UnsafeRawBufferPointer
  let path: String
  private(set) var offset = 0

  private static let depthLimit = 8

  init(_ bytes: UnsafeRawBufferPointer, path: String) {
    self.bytes = bytes
    self.path = path
  }

  private var rest: Int { bytes.count - offset }

  func damaged(_ reason: String) -> GGUFError { .damaged(path: path, reason: reason) }

  mutating func integer<Integer: FixedWidthInteger>(
    _ type: Integer.Type, _ what: String
  ) throws(GGUFError) -> Integer {
    let size = MemoryLayout<Integer>.size
    guard size <= rest else { throw damaged("it ends within \(what)") }
    defer { offset += size }
    return Integer(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
  }

  /// Reads a count of things of which each takes some bytes.
  mutating func count(_ what: String, leastByteCount: Int) throws(GGUFError) -> Int {
    let count = try integer(UInt64.self, "the count of \(what)")
    guard count <= UInt64(rest / leastByteCount) else {
      throw damaged("it claims \(count) \(what), more than its \(bytes.count) bytes can hold")
    }
    return Int(count)
  }

  mutating func string(_ what: String) throws(GGUFError) -> String {
    let count = try count("bytes of \(what)", leastByteCount: 1)
    defer { offset += count }
    let text = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    guard let text = String(validating: text, as: UTF8.self) else {
      throw damaged("\(what) is not UTF-8 text")
    }
    return text
  }

  mutating func kind(_ what: String) throws(GGUFError) -> GGUFValue.Kind {
    let number = try integer(UInt32.self, "the type of \(what)")
    guard let kind = GGUFValue.Kind(rawValue: number) else {
      throw damaged("\(what) has the unknown type \(number)")
    }
    return kind
  }

  mutating func value(
    _ kind: GGUFValue.Kind, _ what: String, depth: Int = 0
  ) throws(GGUFError) -> GGUFValue {
    switch kind {
    case .uint8: return .integer(Int(try integer(UInt8.self, what)))
    case .int8: return .integer(Int(try integer(Int8.self, what)))
    case .uint16: return .integer(Int(try integer(UInt16.self, what)))
    case .int16: return .integer(Int(try integer(Int16.self, what)))
    case .uint32: return .integer(Int(try integer(UInt32.self, what)))
    case .int32: return .integer(Int(try integer(Int32.self, what)))
    case .int64: return .integer(Int(try integer(Int64.self, what)))
    case .uint64:
      let value = try integer(UInt64.self, what)
      return Int(exactly: value).map(GGUFValue.integer) ?? .unsigned(value)
    case .float32:
      return .double(Double(Float(bitPattern: try integer(UInt32.self, what))))
    case .float64: return .double(Double(bitPattern: try integer(UInt64.self, what)))
    case .bool:
      let value = try integer(UInt8.self, what)
      guard value < 2 else { throw damaged("\(what) is neither true nor false but \(value)") }
      return .bool(value == 1)
    case .string: return .string(try string(what))
    case .array:
      guard depth < GGUFCursor.depthLimit else {
        throw damaged("\(what) is nested deeper than \(GGUFCursor.depthLimit)")
      }
      let kind = try self.kind(what)
      let count = try count("elements of \(what)", leastByteCount: kind.leastByteCount)
      var values: [GGUFValue] = []
      values.reserveCapacity(count)
      for _ in 0..<count { values.append(try value(kind, what, depth: depth + 1)) }
      return .array(values)
    }
  }
}
