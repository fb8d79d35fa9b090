import AssayBase
package import AssayRuns
import AssayTensors

/// `model.safetensors.index.json`: which file of a sharded checkpoint holds which tensor.
package struct SafetensorsIndex: Sendable {
  /// The name of the file for each tensor; always a `.safetensors` file of the same directory.
  package let files: [String: String]

  /// Reads an index.
  ///
  /// - Throws: ``RunError/damaged(path:reason:)``.
  package init(path: String) throws(RunError) {
    let file: MappedFile
    do {
      file = try MappedFile(path: path)
    } catch {
      throw .standIn(at: path, isText: true) ?? .damaged(path: path, reason: error.reason)
    }
    do throws(JSONScanner.Failure) {
      files = try file.withUnsafeBytes { (text) throws(JSONScanner.Failure) in
        try SafetensorsIndex.files(text)
      }
    } catch {
      throw .standIn(at: path, isText: true) ?? .damaged(path: path, reason: error.reason)
    }
  }

  private static func files(
    _ text: UnsafeRawBufferPointer
  ) throws(JSONScanner.Failure) -> [String: String] {
    var files: [String: String]?
    var scanner = JSONScanner(text)
    try scanner.object { (scanner, key) throws(JSONScanner.Failure) in
      guard key == "weight_map" else { return try scanner.skipValue() }
      guard files == nil else { throw .init("\"weight_map\" occurs twice") }
      files = try weightMap(&scanner)
    }
    try scanner.end()
    guard let files, !files.isEmpty else { throw .init("\"weight_map\" is missing or empty") }
    return files
  }

  private static func weightMap(
    _ scanner: inout JSONScanner
  ) throws(JSONScanner.Failure) -> [String: String] {
    var files: [String: String] = [:]
    try scanner.object { (scanner, name) throws(JSONScanner.Failure) in
      let file = try scanner.string()
      guard !file.contains("/"), !file.utf8.contains(0), file.hasSuffix(".safetensors") else {
        throw .init("\"\(file)\" is no .safetensors file of the same directory")
      }
      guard files.updateValue(file, forKey: name) == nil else {
        throw .init("tensor \"\(name)\" occurs twice")
      }
    }
    return files
  }
}
