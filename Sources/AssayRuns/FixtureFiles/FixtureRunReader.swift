import AssayBase
package import AssayTensors
import Foundation

/// Reads a file of named tensors as a run: a `.safetensors`, `.npz` or `.npy`.
///
/// ``FixtureKey`` tells what a key means. Nothing tells in which order the tensors were computed: the
/// calls stand in the order of a `.npz`, and in that of the names in a `.safetensors`, whose writers
/// sort by dtype. Nor does a file tell what a module was given beside the tensors that it has, so that
/// no module is ever said to have introduced an error.
package final class FixtureRunReader: RunReader {
  /// The file.
  package let path: String
  /// The file's name, and that it is a fixture.
  package let manifest: RunManifest
  /// The steps, ascending.
  package let steps: [StepRecord]
  private let sources: [TensorKey: Source]

  private struct Source: Sendable {
    var name: String
    var content: Content
  }

  private enum Content: Sendable {
    case tensor(Tensor)
    case unreadable(reason: String)
    case array(NumPyFile, position: Int)
  }

  /// Whether the ending of a path is that of a fixture.
  package static func isFixture(_ path: String) -> Bool {
    ["safetensors", "npz", "npy"].contains(URL(filePath: path).pathExtension.lowercased())
  }

  /// Opens a file and sorts out its keys.
  ///
  /// - Parameter path: A file whose ending is that of a fixture.
  /// - Throws: ``RunError``: a file that is damaged as a whole, and two keys that mean one tensor.
  package init(path: String) throws(RunError) {
    self.path = path
    let url = URL(filePath: path)
    let found =
      url.pathExtension.lowercased() == "safetensors"
      ? try Self.safetensors(path) : try Self.arrays(path)
    var manifest = RunManifest(id: url.lastPathComponent)
    manifest.isFixture = true
    self.manifest = manifest
    var sources: [TensorKey: Source] = [:]
    var calls: [Int: [CallRecord]] = [:]
    var positions: [CallKey: Int] = [:]
    for source in found {
      guard !source.name.isEmpty else {
        throw .damaged(path: path, reason: "one of its keys is empty, so that it names no module")
      }
      let key = FixtureKey(source.name).key
      if let other = sources.updateValue(source, forKey: key) {
        throw .damaged(
          path: path,
          reason: "its keys \(other.name.debugDescription) and \(source.name.debugDescription) "
            + "both mean \(key); rename one of them")
      }
      let position = positions[key.call] ?? calls[key.step, default: []].count
      if positions.updateValue(position, forKey: key.call) == nil {
        calls[key.step, default: []].append(CallRecord(call: key.call, inputCoverage: .partial))
      }
      calls[key.step]?[position].tensors.append(TensorRecord(key: key))
    }
    self.sources = sources
    steps = calls.sorted { $0.key < $1.key }.map { step, calls in
      StepRecord(index: step, calls: calls, isOrderRecorded: false)
    }
  }

  private static func safetensors(_ path: String) throws(RunError) -> [Source] {
    let file = try SafetensorsFile(path: path)
    let sources =
      file.tensors.map { Source(name: $0.name, content: .tensor($0.tensor)) }
      + file.unsupported.map { Source(name: $0.name, content: .unreadable(reason: $0.reason)) }
    return sources.sorted { NaturalOrder.precedes($0.name, $1.name) }
  }

  private static func arrays(_ path: String) throws(RunError) -> [Source] {
    let file = try NumPyFile(path: path)
    return file.names.enumerated().map { position, name in
      Source(name: name, content: .array(file, position: position))
    }
  }

  /// Maps one tensor, or unpacks it.
  ///
  /// - Throws: ``RunError/unreadableTensor(_:path:reason:)``.
  package func tensor(_ key: TensorKey) throws -> Tensor {
    guard let source = sources[key] else {
      throw RunError.unreadableTensor(key, path: path, reason: "the run does not hold it")
    }
    switch source.content {
    case .tensor(let tensor): return tensor.on(key.device)
    case .unreadable(let reason):
      throw RunError.unreadableTensor(key, path: path, reason: reason)
    case .array(let file, let position):
      do throws(NumPyHeader.Failure) {
        return try file.tensor(at: position).on(key.device)
      } catch {
        throw RunError.unreadableTensor(key, path: path, reason: error.reason)
      }
    }
  }

  /// What a tensor takes; `nil` in an archive, where only opening it would tell.
  package func byteCount(of key: TensorKey) -> Int? {
    if case .tensor(let tensor) = sources[key]?.content { tensor.byteCount } else { nil }
  }
}
