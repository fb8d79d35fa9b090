#if SystemLibraries
import AssayBase
internal import AssayHDF5
internal import AssayTensors
import Foundation

/// Writes a run into one HDF5 file of the schema `assay.hdf5/1`.
///
/// Once a write has failed, every further call throws the same error.
package final class HDF5RunWriter: RunSink, @unchecked Sendable {
  /// What the file is for.
  package enum Mode: Sendable {
    /// A recording in progress: a killed process leaves every completed step readable.
    case recording
    /// A golden: written whole to a temporary name, then renamed over its predecessor.
    case golden
    /// The same where no golden is: one that has come to be when the run is whole stays.
    case newGolden
  }

  /// Where the run is, or will be once it is finished.
  package let path: String
  /// The run's path.
  package var paths: [String] { [path] }
  private let mode: Mode
  private let writtenPath: String
  /// The folders that were made for the file, the deepest first.
  private let madeFolders: [String]
  private let lock = NSLock()  // guards all that follows
  private var output: HDF5RunOutput?
  private var failure: RunError?

  /// Creates the file, and the folders above it.
  ///
  /// - Parameters:
  ///   - path: Where the run shall be.
  ///   - mode: What the file is for.
  ///   - manifest: What the run says about itself.
  ///   - virtual: Which tensors stay in other files; `nil` for none.
  /// - Throws: ``RunError/alreadyExists(path:)`` in mode `recording`,
  ///   ``RunError/writeFailed(path:reason:)``.
  package init(
    path: String, mode: Mode, manifest: RunManifest, virtual: VirtualTensors? = nil
  ) throws {
    self.path = path
    self.mode = mode
    let url = URL(filePath: path)
    let folder = url.deletingLastPathComponent().path
    madeFolders = FileSystem.missingFolders(of: folder)
    switch mode {
    case .recording:
      writtenPath = path
      if (try? FileManager.default.attributesOfItem(atPath: path)) != nil {
        throw RunError.alreadyExists(path: path)
      }
    case .golden, .newGolden:
      // Found out now, not when the whole run is to be renamed.
      guard !FileSystem.isDirectory(path) else {
        throw RunError.writeFailed(path: path, reason: "it is a directory")
      }
      FileSystem.removeAbandonedFiles(beside: path)
      writtenPath = FileSystem.temporaryPath(beside: path)
    }
    do {
      try FileSystem.makeDirectory(folder, withParents: true)
      let file = try HDF5File(
        creating: writtenPath, for: mode == .recording ? .recording : .archive)
      let output = HDF5RunOutput(
        file: file, isRecording: mode == .recording, virtual: virtual)
      self.output = output
      try output.write(manifest, isComplete: false)
      if mode == .recording { try file.flush() }
    } catch {
      let failure = fail(error)
      throw failure
    }
  }

  deinit {
    // Nothing is left to say about it: whoever wanted to know ended the run.
    output?.file.abandon()
    if mode != .recording, output != nil { removeGolden() }
  }

  /// Leaves nothing of a golden that never came to be, not even a folder.
  private func removeGolden() {
    unlink(writtenPath)
    // One that is not empty stays.
    for folder in madeFolders { rmdir(folder) }
  }

  /// Writes what happened.
  ///
  /// No reader sees a step before it is ended; from then on it survives a crash of the process in
  /// mode `recording`. The run's end closes the file, and a golden takes its name.
  ///
  /// - Throws: ``RunError``, and the same one again for every event after a write that failed.
  package func receive(_ event: RunEvent) throws {
    try writing { output in
      switch event {
      case .stepBegan(let step): try output.beginStep(step)
      case .captured(let part): try output.write(part)
      case .stepEnded(let step, let calls, let completionOrder, let isOrderRecorded, let rows):
        try output.endStep(
          step, calls: calls, completionOrder: completionOrder, isOrderRecorded: isOrderRecorded,
          rows: rows)
      case .stepDiscarded: output.dropStep()
      case .runEnded(let manifest): try finish(output, manifest)
      }
    }
  }

  private func finish(_ output: HDF5RunOutput, _ manifest: RunManifest) throws {
    // A step that was begun and not ended must not stay open: without a link it is dropped.
    output.dropStep()
    try output.write(manifest, isComplete: manifest.isComplete)
    try output.file.flush()
    try output.file.close()
    try FileSystem.synchronize(writtenPath)
    switch mode {
    case .recording: break
    case .golden: try FileSystem.rename(writtenPath, to: path)
    case .newGolden:
      guard try FileSystem.renameToNew(writtenPath, to: path) else {
        throw RunError.alreadyExists(path: path)
      }
    }
    self.output = nil
  }

  /// Runs one operation, and gives up the file when it fails.
  private func writing(_ body: (HDF5RunOutput) throws -> Void) throws {
    try lock.withLock {
      if let failure { throw failure }
      guard let output else {
        throw RunError.writeFailed(path: path, reason: "the run is already finished")
      }
      do { try body(output) } catch { throw fail(error) }
    }
  }

  /// Turns any error into one of runs; what the file system refused ends the file.
  private func fail(_ error: any Error) -> RunError {
    switch error {
    case RunError.duplicateSlot(let key): return .duplicateSlot(key)
    case RunError.unusableName(let name, let reason): return .unusableName(name, reason: reason)
    default: break
    }
    let failure: RunError =
      (error as? RunError) ?? (error as? FileError).map(RunError.init)
      ?? .writeFailed(path: path, reason: String(describing: error))
    self.failure = failure
    output?.file.abandon()
    output = nil
    if mode != .recording { removeGolden() }
    return failure
  }
}
#endif
