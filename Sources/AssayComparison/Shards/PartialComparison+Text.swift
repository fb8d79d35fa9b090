import AssayBase
package import Foundation

/// Written as lines of JSON: what the file is, each list of rows, what each pair came to, and the
/// SHA-256 of all lines before.
extension PartialComparison {
  /// The schema of the file.
  package static let schema = "assay.partial/1"

  private struct FirstLine: Codable, Sendable {
    var schema: String
    var comparison: Head
    var shards: [Int]
    var rowLists: Int
    var results: Int
  }

  private struct Schema: Decodable {
    var schema: String
  }

  private struct LastLine: Codable {
    var sha256: String
  }

  /// How many lines a thread takes at a time.
  private static let batch = 64

  /// The bytes of the file.
  package func data() throws -> Data {
    let first = FirstLine(
      schema: Self.schema, comparison: head, shards: shards, rowLists: rowLists.count,
      results: results.count)
    var data = try Self.line(first)
    for list in rowLists { data += try Self.line(list) }
    let lines = concurrentMap(count: (results.count + Self.batch - 1) / Self.batch) { batch in
      let range = batch * Self.batch..<min((batch + 1) * Self.batch, results.count)
      return Swift.Result { try Self.lines(results[range]) }
    }
    for line in lines { data += try line.get() }
    return data + (try Self.line(LastLine(sha256: Self.hash(data))))
  }

  /// Reads the bytes of a file.
  ///
  /// - Parameter path: The file, for messages.
  /// - Throws: ``ComparisonError/unusablePart(path:reason:)``.
  package init(_ data: Data, path: String) throws(ComparisonError) {
    @Sendable func damaged(_ reason: String) -> ComparisonError {
      .unusablePart(path: path, reason: reason)
    }
    let (lines, rest) = Self.lines(of: data)
    guard let schema = try? Self.decoder.decode(Schema.self, from: lines.first ?? rest).schema
    else { throw damaged("it is no part of a comparison, as assay compare --shard writes it") }
    guard schema == Self.schema else {
      throw damaged("its schema is \"\(schema)\", not \"\(Self.schema)\"")
    }
    guard rest.isEmpty, lines.count > 1, let end = lines.last,
      let last = try? Self.decoder.decode(LastLine.self, from: end)
    else { throw damaged("it was cut: its last line is missing") }
    guard last.sha256 == Self.hash(data[..<end.startIndex]) else {
      throw damaged("it is damaged: its SHA-256 is another than its last line says")
    }
    @Sendable func decoded<Line: Decodable & Sendable>(
      _ position: Int, by decoder: JSONDecoder = Self.decoder
    ) throws(ComparisonError) -> Line {
      do {
        return try decoder.decode(Line.self, from: lines[position])
      } catch {
        throw damaged("line \(position + 1) cannot be read: \(Self.reason(error))")
      }
    }
    let first: FirstLine = try decoded(0)
    let count = first.comparison.shardCount
    guard (1...Self.shardLimit).contains(count), !first.shards.isEmpty,
      first.shards.allSatisfy({ (1...count).contains($0) }),
      zip(first.shards, first.shards.dropFirst()).allSatisfy({ $0 < $1 })
    else { throw damaged("its shards are no numbers from 1 to their count") }
    guard first.rowLists >= 0, first.results >= 0, first.rowLists <= lines.count,
      first.results <= lines.count, first.rowLists + first.results + 2 == lines.count
    else { throw damaged("it has another number of lines than its first one says") }
    self.init(path: path, head: first.comparison, shards: first.shards)
    for position in 0..<first.rowLists { rowLists.append(try decoded(position + 1)) }
    let begin = first.rowLists + 1
    let batches = concurrentMap(count: (first.results + Self.batch - 1) / Self.batch) { batch in
      Swift.Result { () throws(ComparisonError) -> [Result] in
        let decoder = Self.decoder
        var results: [Result] = []
        for position in batch * Self.batch..<min((batch + 1) * Self.batch, first.results) {
          results.append(try decoded(begin + position, by: decoder))
        }
        return results
      }
    }
    for batch in batches { results += try batch.get() }
    guard results.allSatisfy({ $0.rows.map(rowLists.indices.contains) ?? true }) else {
      throw damaged("it names rows that it does not hold")
    }
    guard zip(results, results.dropFirst()).allSatisfy({ $0.pair < $1.pair }) else {
      throw damaged("its pairs are not in order")
    }
  }

  /// Reads a file.
  ///
  /// - Throws: ``ComparisonError/unusablePart(path:reason:)``.
  package init(contentsOfFile path: String) throws(ComparisonError) {
    let file: MappedFile
    do { file = try MappedFile(path: path) } catch {
      throw .unusablePart(path: path, reason: error.reason)
    }
    // What is something else is not read as a whole.
    let data = file.withUnsafeBytes { $0.first == UInt8(ascii: "{") ? Data($0) : Data() }
    try self.init(data, path: path)
  }

  /// Writes the file, whole or not at all.
  package func write(to path: String) throws { try WholeFile.replace(path, with: try data()) }

  /// The lines that have their end, without it, and what follows the last of them.
  private static func lines(of data: Data) -> ([Data], rest: Data) {
    var lines: [Data] = []
    var start = data.startIndex
    data.withUnsafeBytes { bytes in
      while let base = bytes.baseAddress {
        let offset = start - data.startIndex
        guard let found = memchr(base + offset, CInt(UInt8(ascii: "\n")), bytes.count - offset)
        else { break }
        let end = data.startIndex + (UnsafeRawPointer(found) - base)
        lines.append(data[start..<end])
        start = end + 1
      }
    }
    return (lines, data[start...])
  }

  private static func line(_ value: some Encodable) throws -> Data {
    try encoder.encode(value) + [UInt8(ascii: "\n")]
  }

  private static func lines(_ values: some Sequence<Result>) throws -> Data {
    let encoder = encoder
    var data = Data()
    for value in values {
      data += try encoder.encode(value)
      data.append(UInt8(ascii: "\n"))
    }
    return data
  }

  private static var encoder: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return encoder
  }

  private static var decoder: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return decoder
  }

  private static func hash(_ data: Data) -> String {
    let hash = SHA256()
    data.withUnsafeBytes { hash.update($0) }
    return hash.finalize().hexadecimal
  }

  /// What is wrong with a line, without the decoder's own words around it.
  private static func reason(_ error: any Error) -> String {
    guard let error = error as? DecodingError else { return "\(error)" }
    let (context, what): (DecodingError.Context, String)
    switch error {
    case .keyNotFound(let key, let found):
      (context, what) = (found, "\(key.stringValue) is missing")
    case .typeMismatch(_, let found): (context, what) = (found, "it has another type")
    case .valueNotFound(_, let found): (context, what) = (found, "it has no value")
    case .dataCorrupted(let found): (context, what) = (found, "it is no such value")
    @unknown default: return "\(error)"
    }
    let path = context.codingPath.map(\.stringValue).joined(separator: ".")
    return path.isEmpty ? what : "\(path): \(what)"
  }
}
