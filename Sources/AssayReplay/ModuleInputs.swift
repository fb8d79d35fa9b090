package import AssayBase
import AssayComparison
import AssayRuns
public import AssayTensors

/// What a golden says that one module call was given.
public struct ModuleInputs: Sendable {
  /// The call.
  public let call: CallKey
  /// What the golden says of the inputs besides tensors; `nil` where it says nothing.
  package let description: JSONValue?

  /// The slots of what the golden says that the call returned.
  let outputs: [Slot]

  private let golden: any RunReader
  private let records: [TensorRecord]
  private let deviceMap: [(actual: Device, expected: Device)]

  init(
    _ record: CallRecord, golden: any RunReader,
    deviceMap: [(actual: Device, expected: Device)]
  ) {
    call = record.call
    description = record.descriptions[.inputs]
    self.golden = golden
    self.deviceMap = deviceMap
    records = record.tensors.filter { $0.key.slot.side == .inputs }
    outputs = record.tensors.map(\.key.slot).filter { $0.side == .outputs }
  }

  /// A positional input, recorded as `inputs_<position>`.
  ///
  /// - Throws: ``ReplayError`` that names the module and lists the inputs that there are, and
  ///   ``AssayRuns/RunError`` for a tensor that cannot be read.
  public subscript(_ position: Int) -> Tensor {
    get throws { try tensor(named: String(position)) }
  }

  /// An input by its name: a keyword input, or one inside of a container, such as
  /// `position_embeddings_0` or `1_0`.
  ///
  /// - Throws: ``ReplayError`` that names the module and lists the inputs that there are, and
  ///   ``AssayRuns/RunError`` for a tensor that cannot be read.
  public subscript(_ name: String) -> Tensor {
    get throws { try tensor(named: name) }
  }

  /// An input that was recorded on one of several devices.
  ///
  /// - Parameters:
  ///   - name: The input's position or keyword.
  ///   - device: The device as the golden names it; `nil` for the only one.
  /// - Throws: ``ReplayError`` that names the module and lists the inputs that there are, and
  ///   ``AssayRuns/RunError`` for a tensor that cannot be read.
  public func tensor(named name: String, on device: Device? = nil) throws -> Tensor {
    try tensor(in: Slot(Slot.Side.inputs.rawValue).appending(name), on: device)
  }

  /// The recorded inputs' slots, in the golden's order.
  public var slots: [Slot] {
    var seen: Set<Slot> = []
    return records.map(\.key.slot).filter { seen.insert($0).inserted }
  }

  /// All recorded inputs, in the golden's order.
  ///
  /// - Throws: ``ReplayError`` for one that was skipped or is on several devices, and
  ///   ``AssayRuns/RunError`` for one that cannot be read.
  public var tensors: [(slot: Slot, tensor: Tensor)] {
    get throws { try slots.map { ($0, try tensor(in: $0, on: nil)) } }
  }

  /// The numbers in the module's name: `[3, 1]` for `model.layers.3.experts.1.up_proj`.
  public var indices: [Int] {
    components.compactMap { Int($0) }
  }

  /// The number behind a component of the module's name: 3 after `layers` in `model.layers.3.mlp`.
  ///
  /// - Throws: ``ReplayError/noIndex(module:after:)``.
  public func index(after component: String) throws -> Int {
    let components = components
    for (position, name) in components.enumerated().dropLast()
    where name.isSame(as: component) {
      if let index = Int(components[position + 1]) { return index }
    }
    throw ReplayError.noIndex(module: call.module, after: component)
  }
}

extension ModuleInputs {
  private var components: [String] {
    call.module.parts(separatedBy: ".")
  }

  private func tensor(in slot: Slot, on device: Device?) throws -> Tensor {
    let found = records.filter { $0.key.slot == slot }
    guard !found.isEmpty else {
      throw ReplayError.noInput(call, slot: slot, available: slots)
    }
    let wanted = device.map { device in found.filter { $0.key.device == device } } ?? found
    guard let record = wanted.only else {
      throw ReplayError.ambiguousDevice(
        call, slot: slot, devices: found.map(\.key.device))
    }
    if let reason = record.skipped?.reason ?? record.notRecorded {
      throw ReplayError.skippedInput(call, slot: slot, reason: reason)
    }
    let tensor = try golden.tensor(record.key)
    return tensor.contiguous().on(deviceMap.actual(of: tensor.device) ?? tensor.device)
  }
}
