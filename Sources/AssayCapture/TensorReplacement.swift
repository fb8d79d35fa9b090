import AssayRuns
public import AssayTensors

/// What stands in the place of a value's tensors while its module is judged by itself.
public struct TensorReplacement {
  /// The slot of the value that is replaced, such as `inputs_0`.
  public let slot: Slot
  private let substitution: Substitution

  init(slot: Slot, substitution: Substitution) {
    self.slot = slot
    self.substitution = substitution
  }

  /// What stands in the place of an item inside the value.
  ///
  /// - Parameter component: A list index or a dictionary key.
  public func appending(_ component: String) -> TensorReplacement {
    TensorReplacement(slot: slot.appending(component), substitution: substitution)
  }

  /// The tensor that stands in this slot: contiguous, aligned and on the live tensor's device.
  ///
  /// - Returns: `nil` where the live tensor stays.
  /// - Throws: What keeps the source from reading the tensor.
  public func callAsFunction() throws -> Tensor? {
    try tensor(in: slot)
  }

  func tensor(in slot: Slot) throws -> Tensor? {
    try substitution.tensor(in: slot)
  }

  /// Keeps a tensor alive for a value that points into it: an input until the call has ended, an
  /// output until the next step begins.
  func keepAlive(_ tensor: Tensor) {
    substitution.keptAlive.append(tensor)
  }

  /// Calls `body`, and names module and slot where it throws.
  func naming<Value>(_ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch {
      throw CaptureError.unfitReplacement(
        module: substitution.call.key.module, slot: slot, reason: "\(error)")
    }
  }
}
