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
  package func appending(_ component: String) -> Slot {
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
