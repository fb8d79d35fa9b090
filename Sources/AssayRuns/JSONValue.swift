public import Foundation

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
  case object([String: JSONValue])
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
    case .object(let value): try container.encode(value)
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
  public var members: [String: JSONValue]? {
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

/// Assay's one way to write and read JSON: sorted keys, and Python's `NaN` and `Infinity` read.
public enum JSONText {
  /// Encodes a value as UTF-8 with sorted keys.
  ///
  /// - Throws: `EncodingError` for a number that JSON cannot hold.
  public static func encode(_ value: some Encodable, pretty: Bool = false) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try encoder.encode(value)
  }

  /// Decodes UTF-8 JSON, taking also the bare `NaN` and `Infinity` that Python writes.
  ///
  /// - Parameters:
  ///   - type: What to decode.
  ///   - data: The text.
  ///   - valueLimit: How many values the text may hold, since each takes far more memory than text.
  /// - Throws: `DecodingError`, also for a key that occurs twice and nesting deeper than 512.
  public static func decode<Value: Decodable>(
    _ type: Value.Type, from data: Data, valueLimit: Int = 1 << 22
  ) throws -> Value {
    let hasNonFinite: Bool
    do {
      hasNonFinite = try data.withUnsafeBytes {
        try JSONScanner.check($0, valueLimit: valueLimit)
      }
    } catch let error as JSONScanner.Failure {
      throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: error.reason))
    }
    let decoder = JSONDecoder()
    // The only part of JSON5 that is wanted; the rest was refused above.
    decoder.allowsJSON5 = hasNonFinite
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try decoder.decode(type, from: data)
  }

  /// Why a text could not be decoded, with the key where one is at fault.
  package static func reason(for error: any Error) -> String {
    guard let error = error as? DecodingError else { return "it is not valid JSON" }
    func place(_ context: DecodingError.Context, _ key: (any CodingKey)? = nil) -> String {
      let path = (context.codingPath + (key.map { [$0] } ?? []))
        .map { $0.intValue.map { "[\($0)]" } ?? "." + $0.stringValue }.joined()
      return path.isEmpty ? "the whole text" : path.hasPrefix(".") ? String(path.dropFirst()) : path
    }
    return switch error {
    case .keyNotFound(let key, let context): "it lacks the key \(place(context, key))"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      "the value of \(place(context)) has the wrong type"
    case .dataCorrupted(let context) where !context.codingPath.isEmpty:
      "the value of \(place(context)) is not valid"
    case .dataCorrupted(let context): "it is not valid JSON: \(context.debugDescription)"
    default: "it is not valid JSON"
    }
  }
}
