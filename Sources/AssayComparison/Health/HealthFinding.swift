import AssayRuns
public import AssayTensors

/// Something that is wrong with a run, at the first call that shows it.
public struct HealthFinding: Sendable, Equatable {
  /// What is wrong.
  public var kind: HealthKind
  /// The call.
  public var call: CallKey
  /// The first tensor of the call that shows it.
  package var tensor: Figures
  /// How many rows of a mask are -inf from end to end; `nil` for what is no such mask.
  package var maskedRowCount: Int?
  /// How many tensors of the call show it, of one step.
  public var tensorCount: Int
  /// In how many steps the call shows it first of all.
  public var stepCount = 1
  /// Where it comes from.
  public var cause: Cause
  /// Between which recorded tensors it was born, where that is more than the module.
  package var birthplace: Birthplace?
  /// What the code that made it was given; empty where that was not recorded.
  package var given: [Figures]

  /// Where a finding comes from.
  public enum Cause: String, Sendable, CaseIterable {
    /// The code of a module made it: nothing that the module was given shows it.
    case made
    /// It comes from outside of the recorded modules: the model was given it, or code around them
    /// made it.
    case given
    /// It cannot be told: not all that the module was given was recorded.
    case unknown
  }

  /// One tensor and what its elements are.
  package struct Figures: Sendable, Equatable {
    /// Which tensor of its call.
    package var slot: Slot
    /// Where it lived.
    package var device: Device
    /// The element type.
    package var dtype: DType
    /// The extents.
    package var shape: Shape
    /// The counts of its elements.
    package var census: TensorCensus
  }
}
