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
  private let deviceMap: [Device: Device]

  init(_ golden: any RunReader, deviceMap: [(actual: Device, expected: Device)]) {
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
    self.deviceMap = Dictionary(
      deviceMap.map { ($0.actual, $0.expected) }, uniquingKeysWith: { first, _ in first })
  }

  func tensor(step: Int, call: ModuleCall, slot: Slot, device: Device) throws -> Tensor? {
    guard let found = keys[Name(step: step, call: call, slot: slot)] else { return nil }
    let expected = deviceMap[device] ?? device
    if let key = found.first(where: { $0.device == expected }) ?? found.only {
      return try golden.tensor(key).on(device)
    }
    throw ReplayError.ambiguousDevice(
      CallReference(step: step, call: call), slot: slot, devices: found.map(\.device))
  }
}

extension Array {
  /// The element of an array that has just one.
  var only: Element? { count == 1 ? first : nil }
}
