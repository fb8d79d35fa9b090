import AssayCapture
import AssayReplay
import AssayRuns
import AssayTensors
import Foundation

/// A model of a few modules that scale a vector one after the other, inside of a parent.
struct Chain: Sendable {
  /// What each module multiplies with.
  var factors: [Float] = [2, 3, 5]
  /// What the parent itself adds between the modules.
  var between: Float = 0
  var device = Device.cpu
  var dtype = DType.float32

  /// Runs one step.
  func callAsFunction(_ input: [Float], _ probe: Probe) throws -> [Float] {
    try probe.step {
      let start = try vector(input)
      return try probe("model", start) { start in
        let scope = probe.scope("model.layers")
        var hidden = start
        for (index, factor) in factors.enumerated() {
          hidden = try scope("\(index)", hidden) { try map($0) { $0 * factor } }
          if index == 0, between != 0 { hidden = try map(hidden) { $0 + between } }
        }
        return hidden
      }.float32Values()
    }
  }

  /// Runs as many steps as there are inputs.
  func run(_ inputs: [[Float]], _ probe: Probe) throws {
    for input in inputs { _ = try self(input, probe) }
  }

  func vector(_ values: [Float]) throws -> Tensor {
    dtype == .float64
      ? try Tensor(values.map(Double.init), dtype: .float64, device: device)
      : try Tensor(values, dtype: dtype, device: device)
  }

  func map(_ tensor: Tensor, _ transform: (Float) -> Float) throws -> Tensor {
    try vector(tensor.float32Values().map(transform))
  }
}

/// What every test replays: two steps.
let inputs: [[Float]] = [[1, 2, 3], [4, 5, 6]]

/// Records a model into an HDF5 golden.
func recordGolden(
  in directory: TemporaryDirectory, name: String = "golden", id: String = "golden-id",
  steps: Int? = 2, capturing configuration: CaptureConfiguration = everyStep(),
  _ body: (Probe) throws -> Void = { try Chain().run(inputs, $0) }
) throws -> any RunReader {
  let recipe = steps.map {
    Recipe(tokenIDs: [7, 8], steps: $0, dtype: "float32", devices: ["cpu"])
  }
  let manifest = RunManifest(id: id, provenance: .current(), recipe: recipe)
  let path = directory.path + "/\(name).h5"
  let recorder = Recorder(
    configuration: configuration,
    writers: [try HDF5RunWriter(path: path, mode: .golden, manifest: manifest)],
    manifest: manifest)
  try body(recorder.probe)
  try recorder.finish()
  return try HDF5RunReader(path: path)
}

/// A configuration that records all steps.
func everyStep(_ change: (inout CaptureConfiguration) -> Void = { _ in }) -> CaptureConfiguration {
  var configuration = CaptureConfiguration()
  configuration.steps = []
  change(&configuration)
  return configuration
}

/// A folder that goes with the test.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory
      .appending(component: "assay-replay-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The names of what is in it, hidden files too.
  var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }
}

struct ModelError: Error, Equatable {}
