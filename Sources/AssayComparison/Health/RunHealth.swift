public import AssayRuns
public import AssayTensors

/// What checking one run came to: values only, to be rendered by a report.
public struct RunHealth: Sendable {
  /// The directory or file that holds the run.
  public var path: String
  /// What the run says about itself.
  public var manifest: RunManifest
  /// What of the run was checked.
  package var options: HealthOptions
  /// What is wrong: by kind, then in execution order.
  public var findings: [HealthFinding] = []
  /// How many tensors have what a finding has, of the same kind, and did not make it.
  package var inherited: [HealthKind: Int] = [:]
  /// The steps that were checked, ascending.
  package var steps: [Step] = []
  /// How much was checked.
  public var summary = Summary()
  /// Why the run as a whole cannot be called healthy, besides what was found.
  public var failures: [HealthFailure] = []
  /// What a reader should know that is no failure.
  public var notes: [String] = []

  /// One step.
  package struct Step: Sendable {
    /// The step.
    package var index: Int
    /// Its calls, in completion order.
    package var calls: [Call]
  }

  /// One call and what could not be checked of it.
  package struct Call: Sendable {
    /// The call.
    public var call: CallKey
    /// How many of its tensors were checked.
    package var checkedCount: Int
    /// Those that could not be.
    package var unchecked: [Unchecked]
  }

  /// A tensor that could not be checked.
  package struct Unchecked: Sendable, Equatable {
    /// Why it could not.
    public enum Cause: String, Sendable {
      /// It was too large to be recorded, or was left out otherwise; no failure.
      case skipped
      /// The module had it, and it could not be recorded.
      case notRecorded = "not_recorded"
      /// It is in the run and cannot be read.
      case unreadable
    }

    /// The tensor.
    public var key: TensorKey
    /// Why it could not be checked.
    package var cause: Cause
    /// The same in a sentence.
    public var reason: String
  }

  /// Counts.
  public struct Summary: Sendable, Equatable {
    /// The module calls of all steps.
    package var calls = 0
    /// The tensors that were checked.
    public var tensors = 0
    /// Those of them of which only digests tell.
    public var digests = 0
    /// The elements of those tensors.
    public var elements = 0
    /// The tensors that the run has only notes of.
    public var skipped = 0
    /// The tensors that modules had and that could not be recorded.
    public var notRecorded = 0
    /// The tensors that could not be read.
    public var unreadable = 0
    /// The inputs with the work of a mask, -inf or lowest numbers, that nothing else shows.
    public var masked = 0
  }

  /// Whether something was checked, all of it could be, and nothing was found.
  public var isHealthy: Bool {
    findings.isEmpty && failures.isEmpty && summary.unreadable == 0 && summary.notRecorded == 0
  }

  /// The first call at which NaN or infinity shows; `nil` where it nowhere does.
  public var firstNonFinite: HealthFinding? { findings.first { $0.kind == .nonFinite } }

  /// The tensors that could not be checked for one cause, in execution order.
  package func unchecked(_ cause: Unchecked.Cause) -> [Unchecked] {
    steps.flatMap { $0.calls.flatMap { $0.unchecked.filter { $0.cause == cause } } }
  }
}

/// What of a run is checked.
public struct HealthOptions: Sendable {
  /// The steps; `nil` for all.
  package var steps: [Int]?
  /// Patterns of which a module's name must match one; `nil` for all modules.
  public var modules: [ModulePattern]?

  /// Makes options; without arguments everything is checked.
  public init(steps: [Int]? = nil, modules: [ModulePattern]? = nil) {
    self.steps = steps
    self.modules = modules
  }
}

/// Why a run as a whole cannot be called healthy.
public enum HealthFailure: Sendable, Equatable {
  /// The run does not have a selected step.
  case stepMatchesNothing(Int)
  /// A module pattern matches no module of the run.
  case patternMatchesNothing(String)
  /// Matching a module pattern was given up.
  case unfinishedPattern(UnfinishedPattern)
  /// The run was cut and the steps to check were not named.
  case incompleteRun(path: String, steps: Int)
  /// No element of any tensor was checked.
  case nothingChecked
  /// The model recorded nothing at all.
  case nothingRecorded(reason: String)
}

extension HealthFailure: CustomStringConvertible {
  /// What is wrong and what to do, in one sentence.
  public var description: String {
    switch self {
    case .stepMatchesNothing(let step): "step \(step) was selected, but the run does not have it"
    case .unfinishedPattern(let pattern): pattern.description
    case .patternMatchesNothing(let pattern):
      "the pattern \"\(pattern)\" matches no module of the run"
    case .incompleteRun(let path, let steps):
      "\(path) was cut while it was recorded, after \(steps) complete step\(steps == 1 ? "" : "s"); "
        + "name the steps to check if that is enough"
    case .nothingChecked:
      "nothing was checked: no tensor with elements, or a digest of them, was recorded in what was "
        + "selected"
    case .nothingRecorded(let reason):
      "nothing was recorded, so nothing was checked: \(reason)"
    }
  }
}
