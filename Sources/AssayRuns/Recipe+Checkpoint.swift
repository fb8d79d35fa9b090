import Foundation

extension Recipe {
  /// Where the checkpoint is, as seen from a golden.
  ///
  /// - Parameter golden: The golden's path; a relative model lies below its folder.
  /// - Returns: The checkpoint's path, or `nil` for a recipe that names no model.
  package func checkpointPath(relativeTo golden: String) -> String? {
    guard let model, !model.isEmpty else { return nil }
    guard !model.hasPrefix("/") else { return model }
    let folder = (golden as NSString).deletingLastPathComponent
    return folder.isEmpty ? model : (folder as NSString).appendingPathComponent(model)
  }

  /// How a recipe names a checkpoint: relative to the golden where it lies below its folder.
  ///
  /// - Parameters:
  ///   - checkpoint: The checkpoint's directory.
  ///   - golden: The golden's path; `nil` for a run that is recorded elsewhere.
  package static func modelReference(
    toCheckpoint checkpoint: String, from golden: String?
  ) -> String {
    let path = absolute(checkpoint)
    guard let golden else { return path }
    let folder = (absolute(golden) as NSString).deletingLastPathComponent
    let prefix = folder == "/" ? folder : folder + "/"
    return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
  }

  /// Checks that a checkpoint holds the weights that the recipe was recorded with.
  ///
  /// - Parameter directory: The checkpoint's directory.
  /// - Throws: ``RunError/otherWeights(expected:actual:path:)``,
  ///   ``RunError/unknownWeights(path:)`` for a recipe without a hash, or what
  ///   ``ModelHash/sha256(ofCheckpoint:)`` throws.
  package func verifyWeights(ofCheckpoint directory: String) throws(RunError) {
    guard let modelHash else { throw .unknownWeights(path: directory) }
    let actual = try ModelHash.sha256(ofCheckpoint: directory)
    guard actual == modelHash else {
      throw .otherWeights(expected: modelHash, actual: actual, path: directory)
    }
  }

  private static func absolute(_ path: String) -> String {
    let path = URL(filePath: path).standardizedFileURL.path(percentEncoded: false)
    return path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }
}
