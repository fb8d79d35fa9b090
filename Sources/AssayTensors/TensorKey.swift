import AssayBase

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
    Side.allCases.first {
      rawValue.isSame(as: $0.rawValue) || rawValue.begins(with: $0.rawValue + "_")
    }
  }

  /// The slot of an item inside this one.
  ///
  /// - Parameter component: A list index or a dictionary key.
  public func appending(_ component: String) -> Slot {
    Slot(rawValue + "_" + component)
  }
}

extension Slot {
  /// Whether both names are the same bytes.
  public static func == (left: Slot, right: Slot) -> Bool {
    left.rawValue.isSame(as: right.rawValue)
  }

  /// Hashes the bytes of the name.
  public func hash(into hasher: inout Hasher) { rawValue.hashBytes(into: &hasher) }
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

extension TensorKey {
  /// Whether all parts are the same, names by their bytes.
  public static func == (left: TensorKey, right: TensorKey) -> Bool {
    left.step == right.step && left.call == right.call && left.slot == right.slot
      && left.device == right.device && left.module.isSame(as: right.module)
  }

  /// Hashes all parts, names by their bytes.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(step)
    hasher.combine(call)
    hasher.combine(slot)
    hasher.combine(device)
    module.hashBytes(into: &hasher)
  }
}

extension TensorKey: CustomStringConvertible {
  /// All parts, for messages: `step 0 model.norm outputs on cpu`.
  public var description: String {
    "step \(step) \(module)\(call == 0 ? "" : " call \(call)") \(slot) on \(device)"
  }
}
