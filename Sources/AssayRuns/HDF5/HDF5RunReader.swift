import AssayBase
internal import AssayHDF5
package import AssayTensors
import Foundation

/// Reads a run from one HDF5 file of the schema `assay.hdf5/1`.
///
/// Tensors that lie in one piece of the file are mapped into memory, not copied.
package final class HDF5RunReader: RunReader {
  /// The file.
  package let path: String
  /// What the run says about itself.
  package let manifest: RunManifest
  /// The completed steps, ascending.
  package let steps: [StepRecord]
  private let sources: [TensorKey: HDF5TensorSource]
  private let mapped: MappedFile
  private let file: HDF5File?

  /// Opens a file and reads what it holds, except the tensors.
  ///
  /// - Parameter path: The file.
  /// - Throws: ``RunError/notFound(path:)``, ``RunError/notARun(path:reason:)`` for a file that is
  ///   not HDF5 or not of the schema, ``RunError/damaged(path:reason:)``.
  package init(path: String) throws {
    self.path = path
    do {
      mapped = try HDF5RunReader.map(path)
      let file = try HDF5File(reading: path)
      let input = HDF5RunInput(file: file, byteCount: mapped.byteCount)
      manifest = try input.manifest()
      let run = try input.steps(of: manifest)
      steps = run.steps
      sources = run.sources
      // Kept only for what libhdf5 must read; the rest comes from the map.
      if sources.values.contains(where: \.needsLibrary) {
        self.file = file
      } else {
        try file.close()
        self.file = nil
      }
    } catch HDF5Error.notHDF5 {
      throw RunError.standIn(at: path)
        ?? .notARun(
          path: path,
          reason: "expected an HDF5 file of the schema \(HDF5Schema.name), "
            + "but the HDF5 signature is missing")
    } catch let error as RunError {
      throw error
    } catch {
      throw RunError.damaged(path: path, reason: String(describing: error))
    }
  }

  private static func map(_ path: String) throws -> MappedFile {
    var isDirectory = ObjCBool(false)
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw RunError.standIn(at: path) ?? .notFound(path: path)
    }
    guard !isDirectory.boolValue else {
      throw RunError.notARun(path: path, reason: "a directory, expected an HDF5 file")
    }
    do {
      return try MappedFile(path: path)
    } catch {
      throw RunError.notARun(path: path, reason: "it cannot be read: \(error.reason)")
    }
  }

  /// Reads one tensor, mapped into memory where the file keeps it in one piece.
  ///
  /// - Throws: ``RunError/unreadableTensor(_:path:reason:)``.
  package func tensor(_ key: TensorKey) throws -> Tensor {
    func unreadable(_ reason: String) -> RunError {
      .unreadableTensor(key, path: path, reason: reason)
    }
    guard let source = sources[key] else { throw unreadable("the run has no such tensor") }
    do {
      return try source.tensor(on: key.device, from: mapped, file: file)
    } catch {
      throw unreadable(String(describing: error))
    }
  }
}
