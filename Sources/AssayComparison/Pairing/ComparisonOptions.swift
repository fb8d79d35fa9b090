public import AssayRuns
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
  package var detailLimit = 50
  /// The sides of the calls, of either run, that are compared; `nil` for all.
  package var sides: Set<Slot.Side>?
  /// Whether every module of the actual run was given the expected run's inputs and its caller the
  /// expected run's outputs, so that no module hands its error to another.
  package var isIsolated = false
  /// By which rules tensors of other names or forms pair; `nil` for equal names only.
  ///
  /// `modules`, tolerance rules and the result use the names of the expected run, or those of the
  /// separate modules where the expected run has them in one.
  public var mapping: Mapping?
  /// Whether tensors pair by the rows of their tokens, whatever the steps.
  public var alignment = RowAlignmentMode.automatic
  /// Requests of the actual run, and what the expected run counts them as.
  ///
  /// Only these are compared, by rows. Empty where both runs count alike.
  public var requestMap: [(actual: Int, expected: Int)] = []
  /// Whether the runs were found to be compared by rows.
  var isByRows = false
  /// Which modules' outputs are logits over a vocabulary; `nil` for those named `lm_head`.
  public var logits: ModulePattern?
  /// A run whose error from the expected one is the noise floor; with one, tensors of another dtype
  /// than the expected ones are judged by their values.
  public var floor: (any RunReader)?
  /// Which calls of the actual run count that pair with nothing, by their names in the result; set
  /// where the expected run was recorded without the others.
  package var countsLoneCall: (@Sendable (CallKey) -> Bool)?

  /// Makes options; without arguments vLLM's documented defaults.
  public init(
    tolerance: Tolerance = .vllm, steps: [Int]? = nil, modules: [ModulePattern]? = nil,
    deviceMap: [(actual: Device, expected: Device)] = [], mapping: Mapping? = nil,
    logits: ModulePattern? = nil, floor: (any RunReader)? = nil
  ) {
    self.tolerance = tolerance
    self.steps = steps
    self.modules = modules
    self.deviceMap = deviceMap
    self.mapping = mapping
    self.logits = logits
    self.floor = floor
  }

  /// Options with what tests and replays of ours set beside.
  package init(
    _ options: ComparisonOptions, detailLimit: Int = 50, sides: Set<Slot.Side>? = nil,
    isIsolated: Bool = false
  ) {
    self = options
    self.detailLimit = detailLimit
    self.sides = sides
    self.isIsolated = isIsolated
  }

  /// Whether a call of either run is compared.
  func selects(_ call: CallKey) -> Bool {
    steps?.contains(call.step) ?? true && modules?.contains { $0.matches(call.module) } ?? true
  }

  /// The first pattern whose matching was given up, of the selection and of all rules.
  var unfinishedPattern: UnfinishedPattern? {
    let patterns = (modules ?? []) + [logits].compactMap(\.self)
    return patterns.lazy.compactMap(\.unfinished).first ?? tolerance.unfinishedPattern
      ?? mapping?.unfinishedPattern
  }

  func areLogits(_ key: TensorKey) -> Bool {
    guard key.slot.side == .outputs else { return false }
    return logits?.matches(key.module)
      ?? (key.module == "lm_head" || key.module.hasSuffix(".lm_head"))
  }
}
