public import Foundation

/// Assay's one way to write and read JSON: sorted keys, and Python's `NaN` and `Infinity` read.
public enum JSONText {
  /// Encodes a value as UTF-8 with sorted keys.
  ///
  /// - Throws: `EncodingError` for a number that JSON cannot hold.
  public static func encode(_ value: some Encodable, pretty: Bool = false) throws -> Data {
    if let value = value as? JSONValue { return JSONWriter.text(of: value, pretty: pretty) }
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
  /// - Throws: `DecodingError`, also for a key that occurs twice and nesting deeper than 512. Keys of
  ///   a ``JSONValue`` are told apart by their bytes.
  public static func decode<Value: Decodable>(
    _ type: Value.Type, from data: Data, valueLimit: Int = 1 << 22
  ) throws -> Value {
    let hasNonFinite: Bool
    do {
      if type == JSONValue.self {
        let value = try data.withUnsafeBytes {
          try JSONScanner.value(of: $0, valueLimit: valueLimit)
        }
        if let value = value as? Value { return value }
      }
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
