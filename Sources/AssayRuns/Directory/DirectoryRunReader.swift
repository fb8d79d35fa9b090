import AssayBase
package import AssayTensors
import AssayTorch
import Foundation

/// Reads a run from vLLM's directory of `.pt` files, with or without a `run.json`.
///
/// With a `run.json`, that file alone says what the run holds: steps, calls and files that it does
/// not list are no part of the run, and a file that it lists and that is gone is unreadable.
///
/// A plain dump is read from its names:
/// - Each `step_<n>` is a step; anything else beside them, and hidden names, are passed over.
/// - `module_calls.txt` gives the order, repeated lines counting once. A module that it lists and
///   that has no directory is a call without tensors, which a comparison reports as missing. A
///   directory with files that it does not list comes last, and the order counts as not recorded.
/// - Without `module_calls.txt` the order is that of the names, `layers.2` before `layers.10`.
/// - `<name>_<k>` is call k of `<name>` where that exists too, else a module of that name.
/// - Every `.pt` is a tensor, even one that turns out to be unreadable; a JSON file with a `skipped`
///   sentence is a tensor that was left out; other files are passed over.
package final class DirectoryRunReader: RunReader {
  /// The run's directory.
  package let path: String
  /// What the run says about itself; of a plain dump only its name.
  package let manifest: RunManifest
  /// The completed steps, ascending.
  package let steps: [StepRecord]
  private let files: [TensorKey: String]

  /// Reads all that a run says, except the tensors.
  ///
  /// - Parameter path: The directory that holds `run.json` or `step_<n>` directories.
  /// - Throws: ``RunError/notFound(path:)``, ``RunError/notARun(path:reason:)``, or
  ///   ``RunError/damaged(path:reason:)`` with the file at fault.
  package init(path: String) throws {
    self.path = path
    guard FileSystem.exists(path) else {
      throw RunError.standIn(at: path) ?? .notFound(path: path)
    }
    guard FileSystem.isDirectory(path) else {
      throw RunError.notARun(path: path, reason: "it is not a directory")
    }
    let contents =
      FileSystem.exists(path + "/run.json")
      ? try IndexedDirectory(path).contents() : try PlainDirectory(path).contents()
    manifest = contents.manifest
    steps = contents.steps
    files = contents.files
  }

  /// Maps one tensor's file.
  ///
  /// - Throws: ``RunError/unreadableTensor(_:path:reason:)``.
  package func tensor(_ key: TensorKey) throws -> Tensor {
    guard let file = files[key] else {
      throw RunError.unreadableTensor(key, path: path, reason: "the run does not hold it")
    }
    do {
      return try TorchFile.loadTensor(path: file).on(key.device)
    } catch {
      throw RunError.unreadableTensor(key, path: file, reason: error.reason(about: file))
    }
  }
}

/// What a reader finds in a run's directory.
struct DirectoryContents {
  var manifest: RunManifest
  var steps: [StepRecord] = []
  /// The path of each tensor that was not skipped.
  var files: [TensorKey: String] = [:]
}

/// What a reader finds in the folder of a call.
struct CallContents {
  var record: CallRecord
  /// The path of each tensor that was not skipped.
  var files: [(TensorKey, String)] = []

  init(_ record: CallRecord) { self.record = record }
}

/// Reads the small files of a run's directory.
enum RunFile {
  /// The descriptions of a call that are there.
  ///
  /// - Parameter names: The names in the folder, where they are known.
  static func descriptions(
    in folder: String, among names: [String]? = nil
  ) throws(RunError) -> [Slot.Side: JSONValue] {
    var descriptions: [Slot.Side: JSONValue] = [:]
    for side in Slot.Side.allCases {
      let name = side.rawValue + ".json"
      guard names?.contains(name) ?? FileSystem.exists(folder + "/" + name) else { continue }
      descriptions[side] = try json(at: folder + "/" + name, valueLimit: smallLimit)
    }
    return descriptions
  }

  /// More values than the description of any call holds.
  static let smallLimit = 1 << 18

  /// Reads a JSON file.
  static func json<Value: JSONReadable>(
    _ type: Value.Type = JSONValue.self, at path: String, valueLimit: Int = 1 << 22
  ) throws(RunError) -> Value {
    let data = try data(at: path)
    return try reading(path) {
      try Value(json: JSONValue(decoding: data, valueLimit: valueLimit))
    }
  }

  /// Runs what reads the JSON of a file, and says of its errors where the text stands.
  static func reading<Value>(
    _ path: String, _ body: () throws -> Value
  ) throws(RunError) -> Value {
    do {
      return try body()
    } catch {
      throw .standIn(at: path, isText: true) ?? .damaged(path: path, reason: "\(error)")
    }
  }

  /// The bytes of a regular file.
  static func data(at path: String) throws(RunError) -> Data {
    do {
      return try MappedFile(path: path).withUnsafeBytes { Data($0) }
    } catch {
      throw .standIn(at: path, isText: true) ?? .damaged(path: path, reason: error.reason)
    }
  }

  /// The note of a skipped tensor.
  static func skippedTensor(
    _ note: SkippedNote, device: Device, path: String
  ) throws(RunError) -> SkippedTensor {
    guard let dtype = DType(torchName: note.dtype) else {
      throw .unsupported(path: path, reason: DType.unsupported(note.dtype))
    }
    do {
      let shape = try Shape(note.shape)
      return SkippedTensor(
        dtype: dtype, shape: shape, device: device, reason: note.skipped,
        digest: try note.digest.map { try TensorDigest($0, dtype: dtype, shape: shape) })
    } catch let failure as DigestFailure {
      throw .damaged(path: path, reason: "the digest cannot be read: \(failure)")
    } catch {
      throw .damaged(path: path, reason: "\(error)")
    }
  }
}
