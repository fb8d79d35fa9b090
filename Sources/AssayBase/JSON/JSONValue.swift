/// Any JSON value, kept as found so that converting a run loses nothing.
package enum JSONValue: Hashable, Sendable {
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
  package static func object(_ members: [String: JSONValue]) -> JSONValue {
    .object(NameMap(members.lazy.map { (key: $0.key, value: $0.value) }))
  }
}

extension JSONValue {
  /// A number, or one of the strings `nan`, `inf`, `-inf` where JSON has no number for it.
  package init(real value: Double) {
    self =
      value.isFinite
      ? .number(value) : .string(value.isNaN ? "nan" : value < 0 ? "-inf" : "inf")
  }

  /// The members of an object, or `nil`.
  package var members: NameMap<JSONValue>? {
    if case .object(let members) = self { members } else { nil }
  }

  /// The items of an array, or `nil`.
  package var items: [JSONValue]? {
    if case .array(let items) = self { items } else { nil }
  }

  /// The text of a string, or `nil`.
  package var text: String? {
    if case .string(let text) = self { text } else { nil }
  }

  /// An integer, also when it was written as a number without a fraction, or `nil`.
  package var int: Int? {
    switch self {
    case .integer(let value): Int(value)
    case .number(let value): Int(exactly: value)
    default: nil
    }
  }
}
