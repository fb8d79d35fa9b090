/// Which tensor of a module call: `inputs_0`, `outputs`, `outputs_1`, `post_fwd_inputs_0`.
///
/// Nested containers append `_<index or key>`; keyword inputs append their name.
public struct Slot: RawRepresentable, Hashable, Sendable {
  /// The name as it stands on disk.
  public let rawValue: String

  /// Makes a slot from its name on disk.
  public init(rawValue: String) {
    self.rawValue = rawValue
  }

  /// Makes a slot from its name on disk.
  public init(_ rawValue: String) {
    self.rawValue = rawValue
  }

  /// Which side of a module call a slot stands on.
  public enum Side: String, CaseIterable, Hashable, Sendable, Codable {
    /// What the module was given, as it was before the forward.
    case inputs
    /// What the module returned.
    case outputs
    /// What the module was given, as it was after the forward.
    case postForwardInputs = "post_fwd_inputs"
  }

  /// The side that the name's prefix tells, or `nil` for a foreign name.
  public var side: Side? {
    Side.allCases.first { rawValue == $0.rawValue || rawValue.hasPrefix($0.rawValue + "_") }
  }

  /// The slot of an item inside this one.
  ///
  /// - Parameter component: A list index or a dictionary key.
  public func appending(_ component: String) -> Slot {
    Slot(rawValue + "_" + component)
  }
}

extension Slot: CustomStringConvertible {
  /// The name as it stands on disk.
  public var description: String { rawValue }
}

/// Names one recorded tensor within a run.
public struct TensorKey: Hashable, Sendable {
  /// The forward pass of the root module, from 0.
  public var step: Int
  /// The dotted name of the module.
  public var module: String
  /// How many times the same module ran before within the step.
  public var call: Int
  /// Where the tensor lived.
  public var device: Device
  /// Which tensor of the call.
  public var slot: Slot

  /// Makes a key from its five parts.
  public init(step: Int, module: String, call: Int, device: Device, slot: Slot) {
    self.step = step
    self.module = module
    self.call = call
    self.device = device
    self.slot = slot
  }
}

extension TensorKey: CustomStringConvertible {
  /// All parts, for messages: `step 0 model.norm outputs on cpu`.
  public var description: String {
    "step \(step) \(module)\(call == 0 ? "" : " call \(call)") \(slot) on \(device)"
  }
}
