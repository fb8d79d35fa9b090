import AssayBase
public import AssayRuns
import Foundation

extension Recorder {
  /// Makes a recorder that writes `<output_dir>/<id>/` in the configured formats.
  ///
  /// - Parameters:
  ///   - configuration: What is recorded and where.
  ///   - manifest: What the run says about itself; its id names the directory.
  /// - Throws: ``AssayRuns/RunError`` when the directory or a file cannot be made.
  public convenience init(
    configuration: CaptureConfiguration, manifest: RunManifest
  ) throws {
    self.init(
      configuration: configuration,
      writers: try Self.writers(for: configuration, manifest: manifest), manifest: manifest)
  }

  /// Makes the writers of `<output_dir>/<id>/`, one for each configured format.
  ///
  /// - Returns: No writers when the configuration is off.
  /// - Throws: ``AssayRuns/RunError`` when the directory or a file cannot be made, and
  ///   ``CaptureError/invalidValue(key:value:reason:)`` for the format `spool`.
  package static func writers(
    for configuration: CaptureConfiguration, manifest: RunManifest
  ) throws -> [any RunSink] {
    guard configuration.isEnabled else { return [] }
    guard !configuration.formats.contains(.spool) else {
      throw CaptureError.invalidValue(
        key: "formats", value: "\"spool\"",
        reason: "assay_torch alone records spools; choose \"pt\", \"hdf5\" or both")
    }
    var manifest = manifest
    manifest.configuration = configuration.jsonValue
    manifest.isComplete = false
    let root = try makeRoot(configuration.outputDirectory, id: manifest.id)
    return try configuration.formats.compactMap { format in
      switch format {
      case .spool: nil
      case .pt: try DirectoryRunWriter(path: root, manifest: manifest)
      case .hdf5: try HDF5RunWriter(path: root + "/run.h5", mode: .recording, manifest: manifest)
      }
    }
  }

  private static func makeRoot(_ directory: String, id: String) throws -> String {
    guard !id.isEmpty, !id.hasPrefix("."), !id.contains("/"), !id.utf8.contains(0) else {
      throw RunError.unusableName(id, reason: "a run's id is the name of its directory")
    }
    let root = directory.hasSuffix("/") ? directory + id : directory + "/" + id
    try FileSystem.makeDirectory(root, withParents: true)
    return root
  }
}
