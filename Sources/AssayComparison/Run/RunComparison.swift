public import AssayRuns
public import AssayTensors

/// What comparing two runs came to: values only, to be rendered by a report.
public struct RunComparison: Sendable {
  /// One of the two runs.
  public struct Side: Sendable {
    /// The directory or file that holds the run.
    public var path: String
    /// What the run says about itself.
    public var manifest: RunManifest
  }

  /// The run under test.
  public var actual: Side
  /// The reference.
  public var expected: Side
  /// What was compared, and under which rules.
  public var options: ComparisonOptions
  /// How much was compared and what it came to.
  public var summary: ComparisonSummary
  /// The steps of either run, ascending.
  public var steps: [StepResult]
  /// Where the runs part; `nil` when no tensor failed.
  public var firstDivergence: Divergence?
  /// What the runs were given otherwise from the start, which explains all that follows; `nil`
  /// where they were given the same, as far as it was recorded.
  public var otherInputs: OtherInputs?
  /// Where values differ first at all, within the tolerance or not; `nil` when all are equal.
  public var firstDifference: Divergence?
  /// Where values are first NaN or infinite on one side only; `nil` when they nowhere are.
  public var firstNonFinite: Divergence?
  /// The calls that made an error of their own, in execution order.
  public var introduced: [CallReference]
  /// Why the comparison as a whole fails, besides the tensors that do.
  public var failures: [ComparisonFailure]
  /// What a reader should know that is no failure.
  public var notes: [String]
  /// What the mapping did; `nil` without one.
  public var mapping: MappingSummary?
}

extension RunComparison {
  /// Whether everything that was to be compared was there and matched.
  ///
  /// It follows from ``failures`` and ``steps``: nothing that fails can leave it as it was.
  ///
  /// - Complexity: O(steps).
  public var isMatch: Bool {
    failures.isEmpty && !steps.contains { $0.verdict.isFailure }
  }
}

extension RunComparison {
  /// The calls that made an error of their own, the largest ``ErrorOrigin/introducedError`` first.
  ///
  /// - Complexity: O(calls).
  public var introducedByError: [(step: Int, module: ModuleResult)] {
    steps.flatMap { step in
      step.modules.filter { $0.origin?.cause == .introduced }.map { (step.step, $0) }
    }.enumerated().sorted { left, right in
      let errors = [left, right].map { $0.element.1.origin?.introducedError ?? 0 }
      return errors[0] == errors[1] ? left.offset < right.offset : errors[0] > errors[1]
    }.map { (step: $0.element.0, module: $0.element.1) }
  }
}

extension RunComparison {
  /// The tolerance rules, from 0, that let integers differ because they name them; empty where all
  /// integers were compared exactly.
  ///
  /// - Complexity: O(tensors).
  public var rulesOfIntegers: [Int] {
    var rules = Set<Int>()
    for step in steps {
      for module in step.modules {
        for tensor in module.tensors where !tensor.isExact && tensor.dtype?.isInteger ?? false {
          if let rule = tensor.rule { rules.insert(rule) }
        }
      }
    }
    return rules.sorted()
  }
}

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

/// How much was compared and what it came to.
public struct ComparisonSummary: Sendable, Equatable {
  /// Counts of steps, or of module calls.
  public struct Counts: Sendable, Equatable {
    /// All that either run has, within the selection; more than the other three together where
    /// nothing was compared of some because their tensors were skipped.
    public var total = 0
    /// Those that match.
    public var matched = 0
    /// Those that are on both sides and do not match.
    public var mismatched = 0
    /// Those that are on one side only.
    public var missing = 0

    /// Makes counts.
    public init(total: Int = 0, matched: Int = 0, mismatched: Int = 0, missing: Int = 0) {
      self.total = total
      self.matched = matched
      self.mismatched = mismatched
      self.missing = missing
    }
  }

  /// Counts of tensors.
  ///
  /// Each is matched, mismatched, missing, unreadable, not recorded or skipped.
  public struct TensorCounts: Sendable, Equatable {
    /// All that either run has, within the selection.
    public var total = 0
    /// Those whose elements, or digests, were compared.
    public var compared = 0
    /// Those of them whose bytes differ and of which only digests tell by how much: an estimate.
    public var estimated = 0
    /// Those within the tolerance.
    public var matched = 0
    /// Those with other values, another shape or another dtype.
    public var mismatched = 0
    /// Those that only the expected run has.
    public var missingInActual = 0
    /// Those that only the actual run has.
    public var missingInExpected = 0
    /// Those that could not be read.
    public var unreadable = 0
    /// Those that the module had and that a run could not record.
    public var notRecorded = 0
    /// Those that both runs skipped; never counted as compared.
    public var skipped = 0
  }

  /// Counts of elements.
  public struct ElementCounts: Sendable, Equatable {
    /// Those compared; of a digest those that it tells: all where the bytes are equal, or a sample.
    public var compared = 0
    /// Those outside the tolerance, in tensors that fail.
    public var mismatched = 0
  }

  /// The steps.
  public var steps = Counts()
  /// The module calls of all steps.
  public var modules = Counts()
  /// The tensors.
  public var tensors = TensorCounts()
  /// The elements.
  public var elements = ElementCounts()
}

/// Why a comparison fails as a whole.
public enum ComparisonFailure: Sendable, Equatable {
  /// A selected step is in neither run.
  case stepMatchesNothing(Int)
  /// A module pattern matches no module of either run.
  case patternMatchesNothing(String)
  /// A device of the map is not in the run it is to be in.
  case deviceMatchesNothing(device: String, entry: String, isActual: Bool)
  /// A device of the actual run is mapped twice.
  case deviceMappedTwice(String)
  /// A run was cut and the steps to compare were not named.
  ///
  /// What a cut run lacks cannot be known, least of all when both were cut at the same step. So it
  /// matches only where the caller named the steps; otherwise this failure says how many it has.
  case incompleteRun(path: String, steps: Int)
  /// No element of any tensor was compared.
  case nothingCompared
  /// The actual run recorded nothing at all.
  case nothingRecorded(reason: String)
  /// The actual run went on after the expected run's last step.
  case extraSteps(ran: Int, expected: Int)
  /// No tolerance rule matches some tensors, which were judged exactly.
  case unmatchedByRules(count: Int, first: TensorKey)
  /// The run generated other tokens than those that were recorded.
  case otherTokens(actual: [Int], expected: [Int])
  /// A rule of the mapping made no pair, or left nothing out; `rule` counts from 0.
  case mappingRuleUnused(rule: Int, line: Int?, source: String?, text: String, hint: String?)
  /// A rule names a counterpart for a tensor that another tensor, `beside`, is paired with; `rule`
  /// counts from 0.
  case mappedTwice(rule: Int, tensor: TensorKey, onto: TensorKey, beside: TensorKey?)
  /// The pattern for logits matches no output that was compared and can be logits.
  case noLogits(pattern: String)
  /// So many more tensors have a counterpart that another one is paired with.
  case moreMappedTwice(Int)
}

extension ComparisonFailure: CustomStringConvertible {
  /// What is wrong and what to do, in one sentence.
  public var description: String {
    switch self {
    case .stepMatchesNothing(let step):
      "step \(step) was selected, but neither run has it"
    case .patternMatchesNothing(let pattern):
      "the pattern \"\(pattern)\" matches no module of either run"
    case .deviceMatchesNothing(let device, let entry, let isActual):
      "the device map's \(entry) matches nothing: the \(isActual ? "actual" : "expected") run has "
        + "no tensor on \(device)"
    case .deviceMappedTwice(let device):
      "the device map names \(device) of the actual run twice"
    case .incompleteRun(let path, let steps):
      "\(path) was cut while it was recorded, after \(steps) complete step\(steps == 1 ? "" : "s"); "
        + "name the steps to compare if that is enough"
    case .nothingCompared:
      "nothing was compared: no tensor with elements is in both runs under the same step, module, "
        + "call, slot and device"
    case .nothingRecorded(let reason):
      "nothing was recorded, so nothing was compared: \(reason)"
    case .extraSteps(let ran, let expected):
      "the actual run has \(ran) step\(ran == 1 ? "" : "s"), but the expected run only \(expected)"
    case .unmatchedByRules(let count, let first):
      (count == 1
        ? "no tolerance rule matches the tensor \(first)"
        : "no tolerance rule matches \(count) tensors, the first of which is \(first)")
        + "; add a rule for it, such as a last one whose module is \".*\""
    case .otherTokens(let actual, let expected):
      Self.otherTokens(actual, expected)
    case .mappingRuleUnused(let rule, let line, let source, let text, let hint):
      "rule \(rule + 1) of \(source ?? "the mapping")\(line.map { " (line \($0))" } ?? "") does "
        + "nothing: \(text); "
        + (hint ?? "no tensor that is still free has these names in both runs")
        + ", so correct or remove it"
    case .mappedTwice(let rule, let tensor, let onto, let beside):
      "rule \(rule + 1) of the mapping pairs \(tensor) with \(onto), which is already paired with "
        + "\(beside.map { "\($0)" } ?? "another tensor"), and no tensor pairs twice"
        + (beside?.module != tensor.module && beside?.slot == tensor.slot
          ? ": one module that stands for several cannot be mapped to them" : "")
    case .noLogits(let pattern):
      "the pattern \"\(pattern)\" for logits matches no compared output with a vocabulary as its last "
        + "axis"
    case .moreMappedTwice(let count):
      "the mapping names paired counterparts for \(count) more tensor\(count == 1 ? "" : "s")"
    }
  }
}
