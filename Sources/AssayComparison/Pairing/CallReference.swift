public import AssayRuns

/// A module call and the step that it belongs to.
public struct CallReference: Sendable, Hashable {
  /// The step.
  public var step: Int
  /// The call within the step.
  public var call: ModuleCall

  /// Makes a reference.
  public init(step: Int, call: ModuleCall) {
    self.step = step
    self.call = call
  }
}
