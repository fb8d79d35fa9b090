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
}
