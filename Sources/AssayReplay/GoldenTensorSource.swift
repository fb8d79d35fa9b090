import AssayBase
import AssayCapture
import AssayComparison
import AssayRuns
import AssayTensors

/// The tensors of a golden, to be put in the place of a model's own.
struct GoldenTensorSource: TensorSource {
  private let golden: any RunReader
  private let keys: [CallKey: [TensorKey]]
  /// Devices of the model that have another name in the golden.
  private let deviceMap: [(actual: Device, expected: Device)]
  /// How the model's names become the golden's.
  private let mapping: Mapping?

  init(
    _ golden: any RunReader, deviceMap: [(actual: Device, expected: Device)],
    mapping: Mapping? = nil
  ) {
    var keys: [CallKey: [TensorKey]] = [:]
    for step in golden.steps {
      for record in step.calls {
        // A tensor that is not stored has no bytes: there the live one stays.
        for tensor in record.tensors where tensor.isStored {
          keys[record.call, default: []].append(tensor.key)
        }
      }
    }
    self.golden = golden
    self.keys = keys
    self.mapping = mapping
    self.deviceMap = deviceMap
  }

  func tensor(of call: CallKey, slot: Slot, device: Device) throws -> Tensor? {
    guard let found = found(call, slot) else { return nil }
    let expected = deviceMap.expected(of: device)
    if let key = found.first(where: { $0.device == expected }) ?? found.only {
      return try golden.tensor(key).on(device)
    }
    throw ReplayError.ambiguousDevice(
      call, slot: slot, devices: found.map(\.device))
  }

  private func found(_ call: CallKey, _ slot: Slot) -> [TensorKey]? {
    if let named = named(call, slot) { return named }
    guard let mapping, let record = golden.steps.first(where: { $0.index == call.step }) else {
      return nil
    }
    return mapping.counterparts(of: call, slot, among: record.calls.map(\.call)).lazy
      .compactMap { named($0.call, $0.slot) }.first
  }

  /// The tensors of a slot, one for each device; `nil` for none.
  private func named(_ call: CallKey, _ slot: Slot) -> [TensorKey]? {
    let found = keys[call]?.filter { $0.slot == slot } ?? []
    return found.isEmpty ? nil : found
  }

  func hint(of call: CallKey, slot: Slot) -> String? {
    guard let record = golden.steps.first(where: { $0.index == call.step }) else {
      let steps = golden.steps.map(\.index)
      guard let first = steps.first, let last = steps.last else { return "it has no step" }
      return "it has " + (first == last ? "step \(first) only" : "steps \(first) to \(last)")
    }
    let inputs = record.calls.compactMap { record in
      let slots = record.tensors.filter { $0.key.slot.side == .inputs }.map(\.key.slot.rawValue)
      return slots.isEmpty ? nil : (call: record.call, slots: slots)
    }
    func list(_ found: [(call: CallKey, slots: [String])]) -> String {
      found.prefix(3).map { found in
        let number = found.call.index == 0 ? "" : " call \(found.call.index)"
        let more = found.slots.count > 8 ? ", …" : ""
        return "\(found.call.module)\(number) with \(found.slots.prefix(8).joined(separator: ", "))"
          + more
      }.joined(separator: "; ")
    }
    let same = inputs.filter { $0.call.module == call.module }
    if !same.isEmpty { return "it has \(list(same))" }
    let near = Set(NearNames.of(call.module, among: inputs.map(\.call.module)))
    let nearest = inputs.filter { near.contains($0.call.module) && $0.call.index == 0 }
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
