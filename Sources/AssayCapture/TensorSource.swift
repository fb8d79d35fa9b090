import AssayRuns
package import AssayTensors

/// Where a recorder takes the tensors that stand in the place of the live ones, such as a golden.
package protocol TensorSource: Sendable {
  /// One tensor of a module call.
  ///
  /// - Parameters:
  ///   - call: The module call of the step under way.
  ///   - slot: Which tensor of the call.
  ///   - device: Where the live tensor is said to live.
  /// - Returns: `nil` where the source has none: then the live tensor stays.
  func tensor(of call: CallKey, slot: Slot, device: Device) throws -> Tensor?

  /// What the source has where it has no such tensor, for people: `it has encoder with inputs_0`.
  func hint(of call: CallKey, slot: Slot) -> String?
}

extension TensorSource {
  /// Nothing.
  package func hint(of call: CallKey, slot: Slot) -> String? { nil }
}
