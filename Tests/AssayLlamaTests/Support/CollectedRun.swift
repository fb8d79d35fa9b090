import AssayCapture
import AssayRuns
import AssayTensors
import AssayTorch
import Foundation
import Synchronization
import Testing

@testable import AssayLlama

/// A run of the engine that stays in memory.
struct CollectedRun {
  struct Step {
    var calls: [CallKey] = []
    var completionOrder: [Int] = []
  }

  var steps: [Step] = []
  var tensors: [TensorKey: Tensor] = [:]
  /// By step, module and side.
  var descriptions: [String: JSONValue] = [:]
  var tokens: [Int] = []

  /// Generates with a model and collects what its probe announces.
  init(
    of model: Llama, from tokenIDs: [Int], steps count: Int,
    substituting source: (any TensorSource)? = nil
  ) throws {
    var configuration = CaptureConfiguration()
    configuration.steps = []
    let sink = CollectingSink()
    let recorder = Recorder(
      configuration: configuration, sink: sink, manifest: RunManifest(id: "collected"),
      substituting: source)
    tokens = try model.generate(from: tokenIDs, steps: count, probe: recorder.probe)
    try recorder.finish()
    (steps, tensors, descriptions) = sink.content.withLock { $0 }
  }
}

private final class CollectingSink: RunSink {
  let content = Mutex<([CollectedRun.Step], [TensorKey: Tensor], [String: JSONValue])>(
    ([], [:], [:]))

  func receive(_ event: RunEvent) {
    switch event {
    case .captured(let part): content.withLock { add(part, to: &$0.1, &$0.2) }
    case .stepEnded(_, let calls, let completionOrder, _):
      content.withLock {
        $0.0.append(CollectedRun.Step(calls: calls, completionOrder: completionOrder))
      }
    case .stepBegan, .stepDiscarded, .runEnded: break
    }
  }

  private func add(
    _ part: CallPart, to tensors: inout [TensorKey: Tensor],
    _ descriptions: inout [String: JSONValue]
  ) {
    let (step, call) = (part.call.step, part.call)
    descriptions["\(step) \(call.module) \(part.side.rawValue)"] = part.description
    for case .stored(let slot, let tensor) in part.tensors {
      let key = TensorKey(call, device: tensor.device, slot: slot)
      tensors[key] = tensor
    }
  }
}

/// A run that PyTorch recorded in the vLLM layout: `Golden/tiny-llama/<name>/`.
struct GoldenRun {
  static let directory = URL(filePath: Fixture.directory)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Golden/tiny-llama").path

  static let checkpoint = directory + "/checkpoint"

  let path: String
  let tokenIDs: [Int]
  let generated: [Int]
  let steps: [CollectedRun.Step]
  /// The file of each tensor.
  let files: [TensorKey: String]

  /// The part of `run.json` that tests need.
  private struct RunFile: Decodable {
    struct Call: Decodable {
      var module: String
      var call: Int
      var tensors: [File]
    }
    struct File: Decodable {
      var slot: String
      var device: String
      var file: String
    }
    struct Step: Decodable {
      var calls: [Call]
      var completion_order: [Int]
    }
    var recipe: Recipe
    var steps: [Step]
  }

  init(_ name: String) throws {
    path = GoldenRun.directory + "/" + name
    let run = try JSONText.decode(
      RunFile.self, from: Data(contentsOf: URL(filePath: path + "/run.json")))
    tokenIDs = run.recipe.tokenIDs
    generated = try #require(run.recipe.generatedTokenIDs)
    steps = run.steps.map { step in
      CollectedRun.Step(
        calls: step.calls.map { CallKey(step: 0, module: $0.module, index: $0.call) },
        completionOrder: step.completion_order)
    }
    var files: [TensorKey: String] = [:]
    for (index, step) in run.steps.enumerated() {
      for call in step.calls {
        for tensor in call.tensors {
          let key = TensorKey(call, device: Device(tensor.device),
            slot: Slot(tensor.slot))
          files[key] = "\(path)/step_\(index)/\(call.module)/\(tensor.file)"
        }
      }
    }
    self.files = files
  }

  func tensor(_ key: TensorKey) throws -> Tensor {
    try TorchFile.loadTensor(path: try #require(files[key]))
  }

  /// What `inputs.json` or `outputs.json` of a module says.
  func description(_ step: Int, _ module: String, _ side: Slot.Side) throws -> JSONValue {
    let file = "\(path)/step_\(step)/\(module)/\(side.rawValue).json"
    return try JSONText.decode(JSONValue.self, from: Data(contentsOf: URL(filePath: file)))
  }
}
