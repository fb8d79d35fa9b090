import AssayBase
package import AssayRuns
package import AssayTensors
import Foundation

/// A run without files, put together tensor by tensor.
package struct InMemoryRun: RunReader {
  package var path: String
  package var manifest: RunManifest
  package private(set) var steps: [StepRecord] = []
  private var tensors: [TensorKey: Tensor] = [:]

  /// Makes a run without steps.
  package init(path: String, id: String = "run", isComplete: Bool = true) {
    self.path = path
    manifest = RunManifest(id: id, isComplete: isComplete)
  }

  /// Makes a run without steps of one rank of several.
  ///
  /// - Parameter placements: A placements file as JSON; `nil` for a run that says nothing of them.
  package init(
    rank: Int, of worldSize: Int, placements: String?, id: String? = nil, isComplete: Bool = true
  ) throws {
    self.init(path: "rank\(rank)", id: id ?? "run-rank\(rank)", isComplete: isComplete)
    var provenance = Provenance(tool: "test", toolVersion: "0", created: "2026-11-27T00:00:00Z")
    provenance.rank = rank
    provenance.worldSize = worldSize
    provenance.placements = try placements.map { try JSONValue(decoding: Data($0.utf8)) }
    manifest.provenance = provenance
  }

  package func tensor(_ key: TensorKey) throws -> Tensor {
    guard let tensor = tensors[key] else {
      throw RunError.unreadableTensor(key, path: path, reason: "its bytes are gone")
    }
    return tensor
  }

  /// Adds one tensor; steps and calls come into being in the order in which they are named.
  ///
  /// - Parameters:
  ///   - tensor: The tensor, or `nil` for one that cannot be read.
  ///   - skipped: The note that stands for a tensor that was left out.
  package mutating func add(
    _ tensor: Tensor?, step: Int = 0, _ module: String, call: Int = 0, _ slot: String,
    device: Device = .cpu, skipped: SkippedTensor? = nil
  ) {
    let call = CallKey(step: step, module: module, index: call)
    let key = TensorKey(call, device: device, slot: Slot(slot))
    tensors[key] = tensor
    change(call) {
      $0.tensors.append(TensorRecord(key: key, skipped: skipped))
    }
  }

  /// Loses the bytes of a tensor, which the run still says that it has.
  package mutating func lose(_ key: TensorKey) { tensors[key] = nil }

  /// Adds a tensor that a module had and that was not recorded.
  package mutating func addNotRecorded(
    step: Int = 0, _ module: String, call: Int = 0, _ slot: String, reason: String
  ) {
    let call = CallKey(step: step, module: module, index: call)
    let key = TensorKey(call, device: .cpu, slot: Slot(slot))
    change(call) {
      $0.tensors.append(TensorRecord(key: key, content: .notRecorded(reason: reason)))
      $0.markUnrecorded()
    }
  }

  /// Adds a call without tensors, so that it stands before those that are added later.
  package mutating func begin(step: Int = 0, _ module: String, call: Int = 0) {
    change(CallKey(step: step, module: module, index: call)) { _ in }
  }

  /// Describes one side of a call.
  package mutating func describe(
    step: Int = 0, _ module: String, call: Int = 0, _ side: Slot.Side, _ value: CapturedValue
  ) {
    change(CallKey(step: step, module: module, index: call)) {
      $0.descriptions[side] = value.description
      $0.markUnrecorded()
    }
  }

  /// Says which inputs of a call the run can show.
  package mutating func cover(
    step: Int = 0, _ module: String, call: Int = 0, _ coverage: InputCoverage
  ) {
    change(CallKey(step: step, module: module, index: call)) { $0.inputCoverage = coverage }
  }

  /// Says which tokens the rows of a step that has calls belong to.
  package mutating func tell(_ rows: StepRows, ofStep index: Int = 0) {
    for position in steps.indices where steps[position].index == index {
      steps[position].rows = rows
    }
  }

  /// Says that the order of a step's calls was not recorded.
  package mutating func forgetOrder() {
    for position in steps.indices { steps[position].isOrderRecorded = false }
  }

  private mutating func change(_ call: CallKey, _ body: (inout CallRecord) -> Void) {
    var records = steps.first { $0.index == call.step }?.calls ?? []
    if let position = records.firstIndex(where: { $0.call == call }) {
      body(&records[position])
    } else {
      var record = CallRecord(call: call)
      body(&record)
      records.append(record)
    }
    steps.removeAll { $0.index == call.step }
    steps.append(StepRecord(index: call.step, calls: records))
    steps.sort { $0.index < $1.index }
  }
}
