public import AssayTensors

/// What of two runs is compared, and under which rules.
public struct ComparisonOptions: Sendable {
  /// The rule under which two tensors are close.
  public var tolerance: Tolerance
  /// The steps to compare; `nil` for all that either run has.
  public var steps: [Int]?
  /// Patterns of which a module's name must match one; `nil` for all modules.
  public var modules: [ModulePattern]?
  /// Devices of the actual run that pair with devices of another name in the expected run.
  public var deviceMap: [(actual: Device, expected: Device)]
  /// How many failing tensors, in execution order, get the figures that cost a second pass.
  public var detailLimit: Int
  /// The sides of the calls, of either run, that are compared; `nil` for all.
  public var sides: Set<Slot.Side>?
  /// Whether every module of the actual run was given the expected run's inputs and its caller the
  /// expected run's outputs, so that no module hands its error to another.
  public var isIsolated: Bool

  /// Makes options; without arguments vLLM's documented defaults.
  public init(
    tolerance: Tolerance = .vllm, steps: [Int]? = nil, modules: [ModulePattern]? = nil,
    deviceMap: [(actual: Device, expected: Device)] = [], detailLimit: Int = 50,
    sides: Set<Slot.Side>? = nil, isIsolated: Bool = false
  ) {
    self.tolerance = tolerance
    self.steps = steps
    self.modules = modules
    self.deviceMap = deviceMap
    self.detailLimit = detailLimit
    self.sides = sides
    self.isIsolated = isIsolated
  }
}
