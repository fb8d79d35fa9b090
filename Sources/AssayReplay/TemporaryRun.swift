import AssayRuns
import Foundation

/// A run in a file that is gone with the object.
final class TemporaryRun: Sendable {
  let writer: any RunSink
  private let folder: String

  init(_ manifest: RunManifest) throws {
    folder =
      FileManager.default.temporaryDirectory
      .appending(component: "assay-replay-\(UUID().uuidString.lowercased())").path
    // What a model computed is nobody else's business.
    guard mkdir(folder, 0o700) == 0 else {
      throw RunError.writeFailed(path: folder, reason: String(cString: strerror(errno)))
    }
    do {
      #if SystemLibraries
      writer = try HDF5RunWriter(path: folder + "/run.h5", mode: .recording, manifest: manifest)
      #else
      writer = try DirectoryRunWriter(path: folder + "/run", manifest: manifest)
      #endif
    } catch {
      try? FileManager.default.removeItem(atPath: folder)
      throw error
    }
  }

  deinit {
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// Completes the run and opens it.
  func finish(_ manifest: RunManifest) throws -> any RunReader {
    try writer.receive(.runEnded(manifest))
    return try openRun(at: writer.paths[0])
  }
}
