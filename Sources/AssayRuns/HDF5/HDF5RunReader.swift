import AssayBase
internal import AssayHDF5
package import AssayTensors
import Foundation

/// Reads a run from one HDF5 file of the schema `assay.hdf5/1`.
///
/// Files as Assay writes them are read without libhdf5, which reads all others and has the last word
/// on those that are damaged. It does so in a process of its own, and no crash of it is one of ours.
package final class HDF5RunReader: RunReader {
  /// The file.
  package let path: String
  /// What the run says about itself.
  package let manifest: RunManifest
  /// The completed steps, ascending.
  package let steps: [StepRecord]
  private let sources: [TensorKey: HDF5TensorSource]
  private let file: OpenFile
  #if SystemLibraries
  private let library: HDF5ForeignFile?
  #endif
  /// Whether the file was read without libhdf5.
  package let isNative: Bool

  /// Who reads the structure of a file.
  package enum Means: Sendable {
    /// Without libhdf5 what is as Assay writes it, and anything else by libhdf5.
    case either
    /// By libhdf5 alone: what the other is held against.
    case library
    /// Without libhdf5 or not at all, with the reason.
    case native
  }

  /// Opens a file and reads what it holds, except the tensors.
  ///
  /// - Parameter path: The file.
  /// - Throws: ``RunError/notFound(path:)``, ``RunError/notARun(path:reason:)`` for a file that is
  ///   not HDF5 or not of the schema, ``RunError/damaged(path:reason:)``.
  package convenience init(path: String) throws {
    try self.init(path: path, by: .either)
  }

  /// Opens a file by given means.
  ///
  /// - Parameter readsVirtual: Whether virtual datasets are read, whose elements are in other files
  ///   below the folder of this one.
  package init(path: String, by means: Means, readsVirtual: Bool = false) throws {
    self.path = path
    do {
      file = try HDF5RunReader.open(path)
      #if SystemLibraries
      if let run = try HDF5RunReader.native(file, by: means) {
        (isNative, library) = (true, nil)
        (manifest, steps, sources) = (run.manifest, run.steps, run.sources)
        return
      }
      isNative = false
      let library = try HDF5ForeignFile(
        file, listing: [HDF5Schema.device], readsVirtual: readsVirtual)
      let run = try HDF5RunInput(path: path, root: library.root).run()
      (manifest, steps, sources) = (run.manifest, run.steps, run.sources)
      // Kept only for what libhdf5 must read.
      if sources.values.contains(where: \.needsLibrary) {
        self.library = library
      } else {
        self.library = nil
      }
      #else
      let run = try HDF5RunReader.runWithoutLibrary(file)
      isNative = true
      (manifest, steps, sources) = (run.manifest, run.steps, run.sources)
      #endif
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

  /// The run as it is read without libhdf5, or `nil` where libhdf5 has to.
  private static func native(_ file: OpenFile, by means: Means) throws -> HDF5RunInput.Run? {
    guard means != .library else { return nil }
    do {
      // libhdf5 would not read a file either that is being written.
      let run = try file.whileUnwritten {
        try HDF5RunInput(path: file.path, root: NativeFile(file).root()).run()
      }
      if let run { return run }
      throw HDF5Unread("a file that is being written")
    } catch {
      // Also where the schema is broken: libhdf5 says so of what it has read itself.
      if means == .native { throw error }
      return nil
    }
  }

  #if !SystemLibraries
  private static func runWithoutLibrary(_ file: OpenFile) throws -> HDF5RunInput.Run {
    do {
      guard try NativeFile.hasSignature(file) else { throw HDF5Error.notHDF5 }
      guard let run = try native(file, by: .native) else { throw HDF5Error.closed }
      return run
    } catch let error as HDF5Unread {
      throw RunError.notARun(
        path: file.path,
        reason: "it is damaged, or libhdf5 alone reads it (\(error)), and this build has none: "
          + "turn on the package's trait SystemLibraries, or make it anew with assay convert")
    }
  }
  #endif

  private static func open(_ path: String) throws -> OpenFile {
    var isDirectory = ObjCBool(false)
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw RunError.standIn(at: path) ?? .notFound(path: path)
    }
    guard !isDirectory.boolValue else {
      throw RunError.notARun(path: path, reason: "a directory, expected an HDF5 file")
    }
    do {
      return try OpenFile(path: path)
    } catch {
      throw RunError.notARun(path: path, reason: "it cannot be read: \(error.reason)")
    }
  }

  /// Reads one tensor; a large one is mapped into memory where the file keeps it in one piece.
  ///
  /// - Throws: ``RunError/unreadableTensor(_:path:reason:)``.
  package func tensor(_ key: TensorKey) throws -> Tensor {
    func unreadable(_ reason: String) -> RunError {
      .unreadableTensor(key, path: path, reason: reason)
    }
    guard let source = sources[key] else { throw unreadable("the run has no such tensor") }
    do {
      #if SystemLibraries
      let tensor = try source.tensor(on: key.device, from: file, library: library)
      #else
      let tensor = try source.tensor(on: key.device, from: file)
      #endif
      // What libhdf5 has read, and what is known of the structure, is of the file as it was opened.
      try file.checkUnchanged()
      return tensor
    } catch {
      throw unreadable(String(describing: error))
    }
  }

  /// How many bytes a tensor takes.
  package func byteCount(of key: TensorKey) -> Int? { sources[key]?.byteCount }
}
