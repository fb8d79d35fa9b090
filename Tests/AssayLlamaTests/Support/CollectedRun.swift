import AssayBase
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
    let (recorder, sink) = CollectedRun.recorder(substituting: source)
    tokens = try model.generate(from: tokenIDs, steps: count, probe: recorder.probe)
    try recorder.finish()
    (steps, tensors, descriptions) = sink.content.withLock { $0 }
  }

  /// Generates with the ranks of a model, and collects what each one's probe announces.
  static func ofRanks(
    _ model: TensorParallelLlama, from tokenIDs: [Int], steps count: Int
  ) throws -> [CollectedRun] {
    let ranks = model.ranks.map { _ in recorder() }
    let tokens = try model.generate(
      from: tokenIDs, steps: count, probes: ranks.map(\.recorder.probe))
    return try ranks.map { recorder, sink in
      try recorder.finish()
      var run = CollectedRun(tokens: tokens)
      (run.steps, run.tensors, run.descriptions) = sink.content.withLock { $0 }
      return run
    }
  }

  private init(tokens: [Int]) { self.tokens = tokens }

  private static func recorder(
    substituting source: (any TensorSource)? = nil
  ) -> (recorder: Recorder, sink: CollectingSink) {
    var configuration = CaptureConfiguration()
    configuration.steps = []
    let sink = CollectingSink()
    let recorder = Recorder(
      configuration: configuration, sink: sink, manifest: RunManifest(id: "collected"),
      substituting: source)
    return (recorder, sink)
  }
}

private final class CollectingSink: RunSink {
  let content = Mutex<([CollectedRun.Step], [TensorKey: Tensor], [String: JSONValue])>(
    ([], [:], [:]))

  func receive(_ event: RunEvent) {
    switch event {
    case .captured(let part): content.withLock { add(part, to: &$0.1, &$0.2) }
    case .stepEnded(_, let calls, let completionOrder, _, _):
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

  init(_ name: String) throws {
    path = GoldenRun.directory + "/" + name
    let run = try JSONValue(decoding: Data(contentsOf: URL(filePath: path + "/run.json")))
    let recipe: Recipe = try run.member("recipe")
    tokenIDs = recipe.tokenIDs
    generated = try #require(recipe.generatedTokenIDs)
    var steps: [CollectedRun.Step] = []
    var files: [TensorKey: String] = [:]
    for (index, step) in try run.member("steps", as: [JSONValue].self).enumerated() {
      var calls: [CallKey] = []
      for json in try step.member("calls", as: [JSONValue].self) {
        let call = CallKey(
          step: index, module: try json.member("module"), index: try json.member("call"))
        calls.append(call)
        for tensor in try json.member("tensors", as: [JSONValue].self) {
          let key = TensorKey(
            call, device: Device(try tensor.member("device", as: String.self)),
            slot: Slot(try tensor.member("slot", as: String.self)))
          let file: String = try tensor.member("file")
          files[key] = "\(path)/step_\(index)/\(call.module)/\(file)"
        }
      }
      steps.append(
        CollectedRun.Step(calls: calls, completionOrder: try step.member("completion_order")))
    }
    self.steps = steps
    self.files = files
  }

  func tensor(_ key: TensorKey) throws -> Tensor {
    try TorchFile.loadTensor(path: try #require(files[key]))
  }

  /// What `inputs.json` or `outputs.json` of a module says.
  func description(_ step: Int, _ module: String, _ side: Slot.Side) throws -> JSONValue {
    let file = "\(path)/step_\(step)/\(module)/\(side.rawValue).json"
    return try JSONValue(decoding: Data(contentsOf: URL(filePath: file)))
  }
}
