import AssayBase

/// Names one module call within a run.
public struct CallKey: Sendable {
  /// The forward pass of the root module, from 0.
  public var step: Int
  /// The dotted name of the module.
  public var module: String
  /// How many times the same module ran before within the step.
  public var index: Int

  /// Makes a key from its parts.
  public init(step: Int, module: String, index: Int = 0) {
    self.step = step
    self.module = module
    self.index = index
  }
}

extension CallKey: Hashable {
  /// Whether both are the same call, the modules' names by their bytes.
  public static func == (left: CallKey, right: CallKey) -> Bool {
    left.step == right.step && left.index == right.index && left.module.isSame(as: right.module)
  }

  /// Hashes all parts, the module's name by its bytes.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(step)
    hasher.combine(index)
    module.hashBytes(into: &hasher)
  }
}

/// Names one recorded tensor within a run.
public struct TensorKey: Hashable, Sendable {
  /// The module call that it was given or returned.
  public var call: CallKey
  /// Where the tensor lived.
  public var device: Device
  /// Which tensor of the call.
  public var slot: Slot

  /// Makes a key from its parts.
  public init(_ call: CallKey, device: Device, slot: Slot) {
    self.call = call
    self.device = device
    self.slot = slot
  }

  /// The forward pass of the root module, from 0.
  public var step: Int { call.step }
  /// The dotted name of the module.
  public var module: String { call.module }
}

extension TensorKey: CustomStringConvertible {
  /// All parts, for messages: `step 0 model.norm outputs on cpu`.
  public var description: String {
    "step \(step) \(module)\(call.index == 0 ? "" : " call \(call.index)") \(slot) on \(device)"
  }
}
