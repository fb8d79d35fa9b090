import AssayBase
import AssayCapture
import AssayComparison
import AssayRuns
import AssayTensors

/// The tensors of a golden, to be put in the place of a model's own.
struct GoldenTensorSource: TensorSource {
  /// A tensor's name, without its device.
  private struct Name: Hashable {
    var step: Int
    var call: ModuleCall
    var slot: Slot
  }

  private let golden: any RunReader
  private let keys: [Name: [TensorKey]]
  /// Devices of the model that have another name in the golden.
  private let deviceMap: [(actual: Device, expected: Device)]
  /// How the model's names become the golden's.
  private let mapping: Mapping?

  init(
    _ golden: any RunReader, deviceMap: [(actual: Device, expected: Device)],
    mapping: Mapping? = nil
  ) {
    var keys: [Name: [TensorKey]] = [:]
    for step in golden.steps {
      for record in step.calls {
        // A tensor that is not stored has no bytes: there the live one stays.
        for tensor in record.tensors where tensor.isStored {
          let name = Name(step: step.step, call: record.call, slot: tensor.key.slot)
          keys[name, default: []].append(tensor.key)
        }
      }
    }
    self.golden = golden
    self.keys = keys
    self.mapping = mapping
    self.deviceMap = deviceMap
  }

  func tensor(step: Int, call: ModuleCall, slot: Slot, device: Device) throws -> Tensor? {
    guard let found = found(step: step, call: call, slot: slot) else { return nil }
    let expected = deviceMap.expected(of: device)
    if let key = found.first(where: { $0.device == expected }) ?? found.only {
      return try golden.tensor(key).on(device)
    }
    throw ReplayError.ambiguousDevice(
      CallReference(step: step, call: call), slot: slot, devices: found.map(\.device))
  }

  private func found(step: Int, call: ModuleCall, slot: Slot) -> [TensorKey]? {
    if let keys = keys[Name(step: step, call: call, slot: slot)] { return keys }
    guard let mapping, let record = golden.steps.first(where: { $0.step == step }) else {
      return nil
    }
    return mapping.counterparts(of: call, slot, among: record.calls.map(\.call)).lazy
      .compactMap { keys[Name(step: step, call: $0.call, slot: $0.slot)] }.first
  }

  func hint(step: Int, call: ModuleCall, slot: Slot) -> String? {
    guard let record = golden.steps.first(where: { $0.step == step }) else {
      let steps = golden.steps.map(\.step)
      guard let first = steps.first, let last = steps.last else { return "it has no step" }
      return "it has " + (first == last ? "step \(first) only" : "steps \(first) to \(last)")
    }
    let inputs = record.calls.compactMap { record in
      let slots = record.tensors.filter { $0.key.slot.side == .inputs }.map(\.key.slot.rawValue)
      return slots.isEmpty ? nil : (call: record.call, slots: slots)
    }
    func list(_ found: [(call: ModuleCall, slots: [String])]) -> String {
      found.prefix(3).map { found in
        let number = found.call.call == 0 ? "" : " call \(found.call.call)"
        let more = found.slots.count > 8 ? ", …" : ""
        return "\(found.call.module)\(number) with \(found.slots.prefix(8).joined(separator: ", "))"
          + more
      }.joined(separator: "; ")
    }
    let same = inputs.filter { $0.call.module == call.module }
    if !same.isEmpty { return "it has \(list(same))" }
    let near = Set(NearNames.of(call.module, among: inputs.map(\.call.module)))
    let nearest = inputs.filter { near.contains($0.call.module) && $0.call.call == 0 }
    if !nearest.isEmpty { return "it has \(list(nearest))" }
    return inputs.isEmpty
      ? "it has no inputs of any module in that step"
      : "it has the inputs of \(inputs.count) calls in that step, the first are those of "
        + list(inputs)
  }
}

extension Array {
  /// The element of an array that has just one.
  var only: Element? { count == 1 ? first : nil }
}
