#if !SystemLibraries
/// What stands for the writer in a build without libhdf5: it cannot be made.
package final class HDF5RunWriter: RunSink {
  /// What the file is for.
  package enum Mode: Sendable {
    case recording, golden, newGolden
  }

  /// Where the run would be.
  package let path: String
  /// The run's path.
  package var paths: [String] { [path] }

  /// Says what it needs.
  ///
  /// - Throws: ``RunError/writeFailed(path:reason:)``, always.
  package init(path: String, mode: Mode, manifest: RunManifest) throws {
    throw RunError.writeFailed(
      path: path,
      reason: "HDF5 is written by libhdf5, and this build has none: turn on the package's trait "
        + "SystemLibraries, or record with the format \"pt\" and make it a golden with "
        + "assay approve \(path) RUN")
  }

  /// Never called.
  package func receive(_ event: RunEvent) throws {}
}
#endif
