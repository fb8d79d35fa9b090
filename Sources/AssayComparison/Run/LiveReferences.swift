import AssayRuns
import AssayTensors

/// What a run that is compared as it is produced is to come to.
struct LiveReferences: Sendable {
  /// A tensor's name within its call, as the expected run writes it.
  struct Name: Hashable {
    var slot: Slot
    var device: Device
  }

  /// An expected tensor.
  struct Tensor {
    var record: TensorRecord
    /// Its position among all in execution order.
    var rank: Int
  }

  private var steps: [Int: [ModuleCall: [Name: Tensor]]] = [:]
  private let options: ComparisonOptions
  private let deviceMap: [Device: Device]

  init(_ expected: any RunReader, _ options: ComparisonOptions) {
    self.options = options
    deviceMap = Dictionary(options.deviceMap, uniquingKeysWith: { $1 })
    // Paired with nothing, the expected run stands as it will stand at the end.
    let empty = EmptyRun(manifest: expected.manifest)
    var rank = 0
    for step in RunPairing(actual: empty, expected: expected, options: options).steps {
      steps[step.step] = [:]
      for call in step.calls {
        var tensors: [Name: Tensor] = [:]
        for pair in call.pairs {
          guard let record = pair.expected else { continue }
          tensors[Name(slot: pair.slot, device: pair.device)] = Tensor(record: record, rank: rank)
          rank += 1
        }
        steps[step.step]?[call.call] = tensors
      }
    }
  }

  /// The tensors of a call that is to be compared; `nil` for any other.
  func call(_ call: ModuleCall, step: Int) -> [Name: Tensor]? { steps[step]?[call] }

  /// The expected name of an actual tensor.
  func name(of key: TensorKey) -> Name {
    Name(slot: key.slot, device: deviceMap[key.device] ?? key.device)
  }

  /// Whether a call would be compared if the expected run had it.
  func selects(_ call: ModuleCall, step: Int) -> Bool {
    options.steps?.contains(step) ?? true
      && options.modules?.contains { $0.matches(call.module) } ?? true
  }

  /// Whether an actual step has the calls and tensors of the expected one, and no others.
  func isAllThere(_ record: StepRecord) -> Bool {
    guard options.steps?.contains(record.step) ?? true else { return true }
    guard let calls = steps[record.step] else { return false }
    var found: [ModuleCall: Set<Name>] = [:]
    for call in record.calls {
      guard calls[call.call] != nil else {
        if selects(call.call, step: record.step) { return false }
        continue
      }
      let tensors = call.tensors.filter { tensor in
        options.sides.map { sides in tensor.key.slot.side.map(sides.contains) ?? false } ?? true
      }
      found[call.call, default: []].formUnion(tensors.map { name(of: $0.key) })
    }
    return calls.allSatisfy { call, tensors in found[call] == Set(tensors.keys) }
  }
}

private struct EmptyRun: RunReader {
  var path = ""
  var manifest: RunManifest
  var steps: [StepRecord] { [] }

  func tensor(_ key: TensorKey) throws -> Tensor {
    throw RunError.unreadableTensor(key, path: path, reason: "the run is empty")
  }
}
