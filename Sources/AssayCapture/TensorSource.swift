public import AssayRuns
public import AssayTensors

/// Where a recorder takes the tensors that stand in the place of the live ones, such as a golden.
public protocol TensorSource: Sendable {
  /// One tensor of a module call.
  ///
  /// - Parameters:
  ///   - step: The step under way.
  ///   - call: The module call.
  ///   - slot: Which tensor of the call.
  ///   - device: Where the live tensor is said to live.
  /// - Returns: `nil` where the source has none: then the live tensor stays.
  func tensor(step: Int, call: ModuleCall, slot: Slot, device: Device) throws -> Tensor?

  /// What the source has where it has no such tensor, for people: `it has encoder with inputs_0`.
  func hint(step: Int, call: ModuleCall, slot: Slot) -> String?
}

extension TensorSource {
  /// Nothing.
  public func hint(step: Int, call: ModuleCall, slot: Slot) -> String? { nil }
}
