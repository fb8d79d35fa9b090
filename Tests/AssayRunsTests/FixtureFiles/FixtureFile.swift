import AssayBase
import AssayRuns
import AssayTensors
import Foundation

/// What numpy, safetensors and MLX wrote, see `make_files.py`.
enum FixtureFile {
  static func path(_ name: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/files/" + name).path
  }

  static func data(_ name: String) throws -> Data {
    try Data(contentsOf: URL(filePath: path(name)))
  }

  /// What numpy says that a key holds.
  struct Facts: Decodable, Equatable {
    var dtype: String
    var shape: [Int]
    var sha256: String
  }

  static func expected(_ name: String) throws -> [String: Facts] {
    try JSONDecoder().decode([String: Facts].self, from: data(name))
  }
}

extension FixtureFile.Facts {
  init(_ tensor: Tensor) {
    self.init(
      dtype: tensor.dtype.rawValue, shape: tensor.shape.dimensions, sha256: tensor.contentHash)
  }
}

extension RunReader {
  /// The keys of all tensors, in the run's order.
  var keys: [TensorKey] { steps.flatMap { $0.calls.flatMap { $0.tensors.map(\.key) } } }
}
