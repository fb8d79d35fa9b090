package import Foundation

extension JSONValue {
  /// Reads UTF-8 JSON, and the bare `NaN` and `Infinity` that Python writes.
  ///
  /// - Parameters:
  ///   - text: The text.
  ///   - valueLimit: How many values the text may hold, since each takes far more memory than text.
  /// - Throws: ``JSONError``, also for a key that occurs twice and nesting deeper than 512. Keys are
  ///   told apart by their bytes.
  package init(decoding text: Data, valueLimit: Int = 1 << 22) throws(JSONError) {
    let read = text.withUnsafeBytes { bytes in
      Result { () throws(JSONScanner.Failure) in
        try JSONScanner.value(of: bytes, valueLimit: valueLimit)
      }
    }
    self = try read.mapError { JSONError.syntax($0.reason) }.get()
  }

  /// The value as UTF-8 JSON with sorted keys, and slashes as they are.
  package func encoded(pretty: Bool = false) -> Data {
    var writer = JSONWriter(isPretty: pretty)
    writer.write(self)
    return Data(writer.text)
  }
}
