/// Writes a run into one HDF5 file of the schema `assay.hdf5/1`.
public final class HDF5RunWriter: RunWriter {
  /// What the file is for.
  public enum Mode: Sendable {
    /// A recording in progress: a killed process leaves every completed step readable.
    case recording
    /// A golden: written whole to a temporary name, then renamed.
    case golden
  }

  public let path: String

  /// Creates the file.
  ///
  /// - Parameters:
  ///   - path: Where the run shall be.
  ///   - mode: What the file is for.
  ///   - manifest: What the run says about itself.
  /// - Throws: ``RunError/alreadyExists(path:)`` in mode `recording`,
  ///   ``RunError/writeFailed(path:reason:)``.
  public init(path: String, mode: Mode, manifest: RunManifest) throws {
    throw RunError.writeFailed(path: path, reason: "not implemented yet")
  }

  public func beginStep(_ step: Int) throws {}
  public func write(_ part: CallPart) throws {}
  public func endStep(_ step: Int, calls: [ModuleCall], completionOrder: [Int]) throws {}
  public func finish(_ manifest: RunManifest) throws {}
}
