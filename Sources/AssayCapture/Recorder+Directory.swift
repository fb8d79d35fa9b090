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
    configuration: CaptureConfiguration, manifest: RunManifest,
    queueByteLimit: Int = defaultQueueByteLimit
  ) throws {
    var manifest = manifest
    manifest.configuration = configuration.jsonValue
    manifest.isComplete = false
    var writers: [any RunWriter] = []
    if configuration.isEnabled {
      let root = try Self.makeRoot(configuration.outputDirectory, id: manifest.id)
      for format in configuration.formats {
        switch format {
        case .pt:
          writers.append(try DirectoryRunWriter(path: root, manifest: manifest))
        case .hdf5:
          writers.append(
            try HDF5RunWriter(path: root + "/run.h5", mode: .recording, manifest: manifest))
        }
      }
    }
    self.init(
      configuration: configuration, writers: writers, manifest: manifest,
      queueByteLimit: queueByteLimit)
  }

  private static func makeRoot(_ directory: String, id: String) throws -> String {
    guard !id.isEmpty, !id.hasPrefix("."), !id.contains("/"), !id.utf8.contains(0) else {
      throw RunError.unusableName(id, reason: "a run's id is the name of its directory")
    }
    let root = directory.hasSuffix("/") ? directory + id : directory + "/" + id
    do {
      try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    } catch {
      throw RunError.writeFailed(path: root, reason: error.localizedDescription)
    }
    return root
  }
}
