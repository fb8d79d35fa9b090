public import AssayRuns
public import AssayTensors

/// What comparing one step, or one module call, came to.
public enum Verdict: String, Sendable, CaseIterable {
  /// Something was compared, and everything is within the tolerance.
  case match
  /// Something failed.
  case mismatch
  /// Only the expected run has it.
  case missingInActual = "missing_in_actual"
  /// Only the actual run has it.
  case missingInExpected = "missing_in_expected"
  /// Nothing failed, but nothing was compared either: both runs skipped all tensors or have none.
  case skipped

  /// Whether it makes the comparison fail.
  public var isFailure: Bool { self != .match && self != .skipped }
}

/// One step of the comparison.
public struct StepResult: Sendable, Equatable {
  /// The forward pass of the root module, from 0.
  public var step: Int
  /// What comparing it came to.
  public var verdict: Verdict
  /// The module calls in completion order: children before the parent that contains them.
  public var modules: [ModuleResult]
}

/// One module call of the comparison.
public struct ModuleResult: Sendable, Equatable {
  /// The call.
  public var call: ModuleCall
  /// What comparing it came to.
  public var verdict: Verdict
  /// Where a failing call's error comes from; `nil` for a call that does not fail by values.
  public var origin: ErrorOrigin?
  /// The tensors: inputs, outputs, inputs after the forward.
  public var tensors: [TensorResult]
}

/// One tensor of the comparison.
public struct TensorResult: Sendable, Equatable {
  /// What comparing one tensor came to.
  public enum Verdict: String, Sendable, CaseIterable {
    /// Every element is within the tolerance.
    case match
    /// Some elements are outside the tolerance.
    case values
    /// The shapes differ.
    case shape
    /// The dtypes differ; figures, where there are any, are of both converted to one dtype.
    case dtype
    /// Only the expected run has it, or the actual run skipped it.
    case missingInActual = "missing_in_actual"
    /// Only the actual run has it, or the expected run skipped it.
    case missingInExpected = "missing_in_expected"
    /// One of the two could not be read.
    case unreadable
    /// The module had it, and a run could not record it.
    case notRecorded = "not_recorded"
    /// Both runs skipped it.
    case skipped

    /// Whether it makes the comparison fail.
    public var isFailure: Bool { self != .match && self != .skipped }
    /// Whether both sides are known and differ.
    public var isDivergence: Bool { self == .values || self == .shape || self == .dtype }
  }

  /// Which tensor of the call.
  public var slot: Slot
  /// Where the tensor lived, as the expected run names it.
  public var device: Device
  /// What comparing it came to.
  public var verdict: Verdict
  /// A sentence saying why: always for verdicts other than `match` and `values`, and where more
  /// than elements outside of rtol and atol decided.
  public var reason: String?
  /// The expected tensor's dtype, or that of the only side whose dtype is known.
  public var dtype: DType?
  /// The expected tensor's shape, or that of the only side whose shape is known.
  public var shape: Shape?
  /// The figures, where elements were compared.
  public var difference: Difference?
  /// The position of the tolerance rule that decided, from 0; `nil` without rules, or without one
  /// that matches.
  public var rule: Int?
  /// How it was paired, where there is a mapping; `nil` for a tensor that stands alone.
  public var pairing: PairOrigin?
  /// Whether there are rules and none matches.
  var isUnmatched = false
  /// Whether only equal elements match because they are integers or booleans, for which what the
  /// tolerance allows does not hold.
  public internal(set) var isExact = false
  /// What further passes show, for the first failing tensors.
  public var detail: TensorDetail?
  /// What digests tell of the difference, where a side has no elements; then `difference` is `nil`.
  public var estimate: DigestEstimate?

  /// The shape that the indices of figures are in: numbers that a dtype packs count one by one.
  public var valueShape: Shape? { shape.map { dtype?.valueShape(of: $0) ?? $0 } }
  /// The 50th, 90th, 99th and 99.9th percentile of `|d|`, for tensors shown in full detail.
  public var quantiles: [Double]? { detail?.quantiles }

  /// Whether its elements or digests were compared.
  public var isCompared: Bool { difference != nil || estimate != nil }
  /// Whether its verdict is an estimate: its bytes differ, and digests tell by how much.
  public var isEstimated: Bool { estimate.map { !$0.isEqual } ?? false }
  /// What the actual tensor's values look like; `nil` where it was not compared.
  public var actualStatistics: TensorStatistics? {
    difference?.actualStatistics ?? estimate?.actualStatistics
  }
  /// What the expected tensor's values look like; `nil` where it was not compared.
  public var expectedStatistics: TensorStatistics? {
    difference?.expectedStatistics ?? estimate?.expectedStatistics
  }
}
