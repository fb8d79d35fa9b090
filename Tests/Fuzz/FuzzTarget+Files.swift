import AssayBase
import AssayCheckpoints
import AssayComparison
import AssayRuns
import AssayTensors
import AssayTorch

extension FuzzTarget {
  /// Files that hold tensors.
  static let files = [
    FuzzTarget("torch", repair: Repair.zip) { input in
      let path = Scratch.file(input, named: "input.pt")
      try measure(TorchFile.load(path: path))
    },
    FuzzTarget("zip", repair: Repair.zip) { input in
      let file = try MappedFile(path: Scratch.file(input, named: "input.zip"))
      let archive = try ZipArchive(file: file)
      var budget = MemoryBudget(path: file.path, fileSize: file.byteCount)
      for entry in archive.entries {
        do {
          _ = try archive.storage(of: entry, budget: &budget).withUnsafeBytes(SHA256.hash)
        } catch {
          _ = String(describing: error)
        }
      }
    },
    // The input is the pickle, then the storages, of an archive that is whole.
    FuzzTarget("pickle") { input in
      let parts = FileTree(input).files.map { (name: $0.path, bytes: $0.bytes) }
      let path = Scratch.file(Repair.archive(of: parts), named: "input.pt")
      try measure(TorchFile.load(path: path))
    },
    FuzzTarget("hdf5", repair: Repair.hdf5) { input in
      let path = Scratch.file(input, named: "input.h5")
      measure(try HDF5RunReader(path: path, by: .native))
    },
    FuzzTarget("safetensors", repair: Repair.safetensors) { input in
      let file = try SafetensorsFile(path: Scratch.file(input, named: "input.safetensors"))
      for (_, tensor) in file.tensors { measure(tensor) }
    },
    FuzzTarget("npz", repair: Repair.zip) { input in
      measure(try FixtureRunReader(path: Scratch.file(input, named: "input.npz")))
    },
    FuzzTarget("npy") { input in
      measure(try FixtureRunReader(path: Scratch.file(input, named: "input.npy")))
    },
    FuzzTarget("safetensors-index") { input in
      let path = Scratch.file(input, named: "model.safetensors.index.json")
      _ = try SafetensorsIndex(path: path)
    },
    FuzzTarget("gguf") { input in
      let file = try GGUFFile(path: Scratch.file(input, named: "input.gguf"))
      for name in file.tensors.keys { measure(try file.tensor(named: name)) }
    },
    FuzzTarget("gguf-import") { input in
      let file = try GGUFFile(path: Scratch.file(input, named: "input.gguf"))
      let target = Scratch.folder + "/checkpoint"
      defer { Scratch.remove(target) }
      try GGUFCheckpoint.write(file, to: target)
    },
  ]

  private static func measure(_ value: TorchValue) {
    for (path, member) in value.members() {
      _ = path.joined(separator: "_")
      if case .tensor(let tensor) = member { measure(tensor) }
    }
  }

  /// Reads every element, as `assay inspect` does.
  static func measure(_ tensor: Tensor) {
    _ = TensorStatistics(of: tensor)
    _ = tensor.contentHash
  }

  /// Reads every tensor of a run.
  static func measure(_ run: any RunReader) {
    for step in run.steps {
      for call in step.calls {
        for record in call.tensors {
          guard case .stored = record.content else { continue }
          do {
            measure(try run.tensor(record.key))
          } catch {
            _ = String(describing: error)
          }
        }
      }
    }
  }
}
