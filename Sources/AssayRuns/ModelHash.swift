import AssayBase
import AssayTensors
import Foundation

/// The identity of a model: a hash over its configuration and weights.
package enum ModelHash {
  /// Hashes `config.json` and every `*.safetensors` file of a checkpoint.
  ///
  /// The hash is that of the lines `<file name>`, `<hex SHA-256 of the file>`, sorted by file name.
  ///
  /// - Parameter directory: The checkpoint's directory.
  /// - Returns: `sha256:` and 64 hexadecimal digits.
  /// - Throws: ``RunError/notFound(path:)`` for a directory that cannot be listed or has none of
  ///   these files, ``RunError/damaged(path:reason:)`` for a file that cannot be read.
  package static func sha256(ofCheckpoint directory: String) throws(RunError) -> String {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: directory)
        .filter { $0 == "config.json" || $0.hasSuffix(".safetensors") }
        .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    } catch {
      throw .notFound(path: directory)
    }
    guard !names.isEmpty else { throw .notFound(path: directory + "/config.json") }
    let hash = SHA256()
    // A large checkpoint has several files.
    let digests = concurrentMap(count: names.count) { position in
      Result { () throws(RunError) in try sha256(ofFile: directory + "/" + names[position]) }
    }
    for (name, digest) in zip(names, digests) {
      Array("\(name)\n\(try digest.get())\n".utf8).withUnsafeBytes { hash.update($0) }
    }
    return "sha256:" + hash.finalize().hexadecimal
  }

  /// Hashes one mapped file piece by piece.
  private static func sha256(ofFile path: String) throws(RunError) -> String {
    let file: MappedFile
    do {
      file = try MappedFile(path: path)
    } catch {
      throw .standIn(at: path) ?? .damaged(path: path, reason: error.reason)
    }
    // Its hash would only say that the weights are others.
    if let error = RunError.standIn(at: path, isText: path.hasSuffix(".json")) { throw error }
    return file.withUnsafeBytes { bytes in
      let hash = SHA256()
      for start in stride(from: 0, to: bytes.count, by: 1 << 20) {
        let end = min(start + 1 << 20, bytes.count)
        hash.update(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
      }
      return hash.finalize().hexadecimal
    }
  }
}
