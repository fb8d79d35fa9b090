public import AssayBase

/// Any JSON value, kept as found so that converting a run loses nothing.
public enum JSONValue: Hashable, Sendable {
  /// `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A number without a fraction that fits in 64 bits.
  case integer(Int64)
  /// Any other number; finite ones only, see ``init(real:)``.
  case number(Double)
  /// A string.
  case string(String)
  /// An array.
  case array([JSONValue])
  /// An object.
  case object(NameMap<JSONValue>)

  /// An object of keys that are told apart even as strings.
  public static func object(_ members: [String: JSONValue]) -> JSONValue {
    .object(NameMap(members.lazy.map { (key: $0.key, value: $0.value) }))
  }
}

extension JSONValue: Codable {
  /// Decodes whatever stands there.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(String.self) {
      // Before the numbers, which the decoder also makes of the strings `nan` and `inf`.
      self = .string(value)
    } else if let value = try? container.decode(Int64.self) {
      let isNegativeZero = value == 0 && (try? container.decode(Double.self))?.sign == .minus
      self = isNegativeZero ? .number(-0.0) : .integer(value)
    } else if let value = try? container.decode(UInt64.self) {
      self = .string(String(value))  // as elements of uint64 are written: a Double loses digits
    } else if let value = try? container.decode(Double.self) {
      self = JSONValue(real: value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  /// Encodes the value as itself.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value):
      let members = Dictionary(value.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
      guard members.count == value.count else {
        throw EncodingError.invalidValue(
          self,
          .init(
            codingPath: encoder.codingPath,
            debugDescription: "two of its keys are the same text in two Unicode spellings"))
      }
      try container.encode(members)
    }
  }
}

extension JSONValue {
  /// A number, or one of the strings `nan`, `inf`, `-inf` where JSON has no number for it.
  public init(real value: Double) {
    self =
      value.isFinite
      ? .number(value) : .string(value.isNaN ? "nan" : value < 0 ? "-inf" : "inf")
  }

  /// The members of an object, or `nil`.
  public var members: NameMap<JSONValue>? {
    if case .object(let members) = self { members } else { nil }
  }

  /// The items of an array, or `nil`.
  public var items: [JSONValue]? {
    if case .array(let items) = self { items } else { nil }
  }

  /// The text of a string, or `nil`.
  public var text: String? {
    if case .string(let text) = self { text } else { nil }
  }

  /// An integer, also when it was written as a number without a fraction, or `nil`.
  public var int: Int? {
    switch self {
    case .integer(let value): Int(value)
    case .number(let value): Int(exactly: value)
    default: nil
    }
  }
}
