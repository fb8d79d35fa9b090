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
  package init(
    path: String, mode: Mode, manifest: RunManifest, virtual: VirtualTensors? = nil
  ) throws {
    throw HDF5RunWriter.unavailable(path)
  }

  static func unavailable(_ path: String) -> RunError {
    .writeFailed(
      path: path,
      reason: "HDF5 is written by libhdf5, and this build has none: turn on the package's trait "
        + "SystemLibraries, or write the .pt layout, of which assay approve RUN GOLDEN makes a golden "
        + "where the trait is on")
  }

  /// Never called.
  package func receive(_ event: RunEvent) throws {}
}
#endif
