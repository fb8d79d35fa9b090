import AssayBase
package import AssayTensors
import Foundation

/// Reads a run from a spool, the layout in which `assay_torch` records, also while it does.
///
/// A step counts when its line in `steps.jsonl` has its end: a recording that was killed has those
/// steps, and is not complete. No byte of `tensors.bin` is read before its tensor is asked for.
package final class SpoolRunReader: RunReader {
  /// The run's directory.
  package let path: String
  /// What the run says about itself.
  package let manifest: RunManifest
  /// The completed steps, ascending.
  package let steps: [StepRecord]
  private let sources: [TensorKey: SpoolSource]
  private let file: OpenFile

  /// Reads all that a run says, except the tensors.
  ///
  /// - Parameter path: The directory that holds `spool.json`.
  /// - Throws: ``RunError/notARun(path:reason:)`` for another schema,
  ///   ``RunError/damaged(path:reason:)`` with the file and the line at fault.
  package init(path: String) throws {
    self.path = path
    let manifestPath = path + "/" + SpoolSchema.manifest
    // The schema comes first: another one's keys would be reported as missing.
    let json = try RunFile.json(at: manifestPath)
    let schema = try RunFile.reading(manifestPath) { try json.member("schema", as: String.self) }
    guard schema == SpoolSchema.name else {
      throw RunError.notARun(
        path: path,
        reason: "\(SpoolSchema.manifest) has the schema \"\(schema)\", not \"\(SpoolSchema.name)\"")
    }
    let head = try RunFile.reading(manifestPath) { try SpoolManifest(json: json) }
    let lines = try SpoolLines(path: path + "/" + SpoolSchema.steps).read()
    manifest = RunManifest(
      id: head.id, isComplete: lines.isComplete, provenance: head.provenance,
      recipe: lines.recipe, configuration: head.configuration)
    steps = lines.steps
    sources = lines.sources
    // Opened last: the bytes of a step are there before its line is.
    let tensorsPath = path + "/" + SpoolSchema.tensors
    do {
      file = try OpenFile(path: tensorsPath, isGrowing: true)
    } catch {
      throw RunError.standIn(at: tensorsPath)
        ?? .damaged(path: tensorsPath, reason: "\(error.reason); all tensors' bytes are in it")
    }
  }

  /// Reads one tensor; a large one is mapped into memory.
  ///
  /// - Throws: ``RunError/unreadableTensor(_:path:reason:)``.
  package func tensor(_ key: TensorKey) throws -> Tensor {
    func unreadable(_ reason: String) -> RunError {
      .unreadableTensor(key, path: file.path, reason: reason)
    }
    guard let source = sources[key] else { throw unreadable("the run does not hold it") }
    let end = source.range.upperBound
    guard end <= file.byteCount else {
      throw unreadable("the file has \(file.byteCount) bytes, and the tensor ends at byte \(end)")
    }
    do {
      var storage = try Storage(of: source.range, in: file)
      if !storage.isAligned(to: source.dtype.scalarByteCount) {
        storage = storage.withUnsafeBytes { Storage(copying: $0) }
      }
      return try Tensor(
        storage: storage, dtype: source.dtype, shape: source.shape, device: key.device)
    } catch {
      throw unreadable(String(describing: error))
    }
  }

  /// How many bytes a tensor takes; `nil` for one that the file does not hold.
  package func byteCount(of key: TensorKey) -> Int? {
    guard let range = sources[key]?.range, range.upperBound <= file.byteCount else { return nil }
    return range.count
  }
}

/// Where a tensor's bytes are.
struct SpoolSource: Sendable {
  var range: Range<Int>
  var dtype: DType
  var shape: Shape
}
