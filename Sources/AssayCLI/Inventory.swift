import Assay
import AssayRuns
import Foundation

/// What `assay inspect` found: a list of tensors, each still to be read.
struct Inventory {
  /// Members of the JSON beside `tensors`: `run`, `provenance`, `recipe` and so on.
  var about: [String: JSONValue] = [:]
  var entries: [Entry] = []

  /// Names a tensor; a file without modules has only a slot.
  struct Key {
    var step: Int?
    var module: String?
    var call: Int?
    /// `nil` where nothing could be read that says so.
    var device: Device?
    var slot: String
  }

  struct Entry {
    var key: Key
    var content: Content
  }

  enum Content {
    case tensor(@Sendable () throws -> Tensor)
    case skipped(SkippedTensor)
    /// Nothing of it is there.
    case notRecorded(reason: String)
    /// It is there, in a form that is not known here.
    case unreadable(reason: String)
  }
}

extension Inventory {
  /// Recognises what stands at a path by its content, and by its name where that says nothing.
  ///
  /// - Parameter open: Opens a run, or what a pattern of names means.
  init(contentsOf path: String, opening open: (String) throws -> any RunReader) throws {
    var isDirectory: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
    guard exists, !isDirectory.boolValue else {
      try self.init(run: open(path))
      return
    }
    switch try FileKind(path: path) {
    case .hdf5, .numpy: try self.init(run: open(path))
    case .torch: try self.init(torchFile: path)
    case .safetensors: try self.init(safetensors: path)
    case nil:
      if let error = RunError.standIn(at: path) { throw error }
      throw CommandError.unknownFile(path: path)
    }
  }

  private init(run: any RunReader) throws {
    let manifest = run.manifest
    about["run"] = .string(manifest.id)
    about["complete"] = .bool(manifest.isComplete)
    about["provenance"] = manifest.provenance?.jsonValue
    about["recipe"] = manifest.recipe?.jsonValue
    about["configuration"] = manifest.configuration
    for step in run.steps {
      for call in step.calls {
        for record in call.tensors {
          let key = record.key
          let content: Content =
            switch record.content {
            case .stored: .tensor { try run.tensor(key) }
            case .skipped(let note): .skipped(note)
            case .notRecorded(let reason): .notRecorded(reason: reason)
            }
          entries.append(
            Entry(
              key: Key(
                step: key.step, module: key.module, call: key.call.index, device: key.device,
                slot: key.slot.rawValue),
              content: content))
        }
      }
    }
  }

  private init(torchFile path: String) throws {
    for (components, member) in try TorchFile.load(path: path).members() {
      let slot = components.joined(separator: "_")
      switch member {
      case .tensor(let tensor):
        entries.append(
          Entry(key: Key(device: tensor.device, slot: slot), content: .tensor { tensor }))
      case .unreadable(let reason):
        entries.append(Entry(key: Key(slot: slot), content: .unreadable(reason: reason)))
      }
    }
  }

  private init(safetensors path: String) throws {
    let file = try SafetensorsFile(path: path)
    for (name, tensor) in file.tensors {
      entries.append(
        Entry(key: Key(device: tensor.device, slot: name), content: .tensor { tensor }))
    }
    for (name, reason) in file.unsupported {
      entries.append(Entry(key: Key(slot: name), content: .unreadable(reason: reason)))
    }
  }
}

/// A file that `assay inspect` opens, recognised by its first bytes or its extension.
private enum FileKind {
  case hdf5, torch, safetensors, numpy

  init?(path: String) throws(FileError) {
    // Not by a file handle, which would wait forever at a FIFO.
    let start = try MappedFile(path: path).withUnsafeBytes { Array($0.prefix(8)) }
    switch (URL(filePath: path).pathExtension.lowercased(), start) {
    case ("safetensors", _): self = .safetensors
    case ("npz", _), ("npy", _): self = .numpy
    case (_, [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]): self = .hdf5
    case ("h5", _), ("hdf5", _): self = .hdf5
    case ("pt", _), ("pth", _), ("bin", _): self = .torch
    case (_, let bytes) where bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]): self = .torch
    default: return nil
    }
  }
}

extension Inventory {
  /// One line of the inventory: a tensor with what its elements say.
  struct Row: Sendable {
    var key: Key
    /// `nil` for a tensor that was not recorded or is unreadable.
    var dtype: DType?
    /// `nil` for a tensor that was not recorded or is unreadable.
    var shape: Shape?
    var measured: (statistics: TensorStatistics, sha256: String)?
    var skipped: String?
    /// Why nothing of it was recorded.
    var notRecorded: String?
    /// Why it cannot be read.
    var unreadable: String?
    /// What stands for the elements of a tensor that was skipped.
    var digest: TensorDigest?
  }

  /// Reads every tensor once, on all cores.
  func rows(progress: @escaping @Sendable (Int, Int) -> Void) throws -> [Row] {
    let entries = self.entries
    return try concurrentMap(count: entries.count, progress: progress) { index in
      Result { try Inventory.row(entries[index]) }
    }.map { try $0.get() }
  }

  private static func row(_ entry: Entry) throws -> Row {
    switch entry.content {
    case .tensor(let read):
      let tensor: Tensor
      do {
        tensor = try read()
      } catch RunError.unreadableTensor(_, let path, let reason) {
        return Row(key: entry.key, unreadable: "\(path): \(reason)")
      } catch RunError.misplacedTensor(_, let reason), RunError.differingReplicas(_, let reason) {
        return Row(key: entry.key, unreadable: reason)
      }
      return Row(
        key: entry.key, dtype: tensor.dtype, shape: tensor.shape,
        measured: (TensorStatistics(of: tensor), tensor.contentHash))
    case .skipped(let note):
      return Row(
        key: entry.key, dtype: note.dtype, shape: note.shape,
        measured: note.digest.map { ($0.statistics, $0.sha256) }, skipped: note.reason,
        digest: note.digest)
    case .notRecorded(let reason):
      return Row(key: entry.key, notRecorded: reason)
    case .unreadable(let reason):
      return Row(key: entry.key, unreadable: reason)
    }
  }
}

extension Inventory.Row {
  /// What the elements take up, were they all there.
  var byteCount: Int? {
    guard let shape, let dtype else { return nil }
    return shape.elementCount * dtype.byteCount
  }

  var json: JSONValue {
    var members: [String: JSONValue] = [
      "step": key.step.map { .integer(Int64($0)) } ?? .null,
      "module": key.module.map(JSONValue.string) ?? .null,
      "call": key.call.map { .integer(Int64($0)) } ?? .null,
      "device": key.device.map { .string($0.name) } ?? .null,
      "slot": .string(key.slot),
      "dtype": dtype.map { .string($0.torchName) } ?? .null,
      "shape": shape.map { .array($0.dimensions.map { .integer(Int64($0)) }) } ?? .null,
      "bytes": byteCount.map { .integer(Int64($0)) } ?? .null,
    ]
    if let notRecorded { members["not_recorded"] = .string(notRecorded) }
    if let unreadable { members["unreadable"] = .string(unreadable) }
    if let skipped { members["skipped"] = .string(skipped) }
    if let digest { members["digest"] = digest.jsonValue }
    if let measured {
      let statistics = measured.statistics
      members["sha256"] = .string(measured.sha256)
      members["min"] = statistics.min.map(JSONValue.init(real:)) ?? .null
      members["max"] = statistics.max.map(JSONValue.init(real:)) ?? .null
      members["mean"] = statistics.mean.map(JSONValue.init(real:)) ?? .null
      members["std"] = statistics.standardDeviation.map(JSONValue.init(real:)) ?? .null
      members["l2"] = JSONValue(real: statistics.l2)
      members["nan"] = .integer(Int64(statistics.nanCount))
      members["inf"] = .integer(Int64(statistics.infCount))
    }
    return .object(members)
  }
}
