import AssayRuns
public import AssayTensors

/// What comparing two runs came to: values only, to be rendered by a report.
public struct RunComparison: Sendable {
  /// The run under test.
  package var actual: ComparedRun
  /// The reference.
  package var expected: ComparedRun
  /// What was compared, and under which rules.
  package var options: ComparisonOptions
  /// How much was compared and what it came to.
  public var summary: ComparisonSummary
  /// The steps of either run, ascending.
  public var steps: [StepResult]
  /// Where the runs part; `nil` when no tensor failed.
  public var firstDivergence: Divergence?
  /// What the runs were given otherwise from the start, which explains all that follows; `nil`
  /// where they were given the same, as far as it was recorded.
  package var otherInputs: OtherInputs?
  /// Where values differ first at all, within the tolerance or not; `nil` when all are equal.
  public var firstDifference: Divergence?
  /// Where values are first NaN or infinite on one side only; `nil` when they nowhere are.
  public var firstNonFinite: Divergence?
  /// The calls that made an error of their own, in execution order.
  public var introduced: [CallKey]
  /// Why the comparison as a whole fails, besides the tensors that do.
  public var failures: [ComparisonFailure]
  /// What a reader should know that is no failure.
  package var notes: [String]
  /// What the mapping did; `nil` without one.
  package var mapping: MappingSummary?
  /// What became of the rows, where the runs were compared by rows.
  package var rows: RowSummary?
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
      step.modules.filter { $0.origin?.cause == .introduced }.map { (step.index, $0) }
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
  package var rulesOfIntegers: [Int] {
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
  /// Each is matched, mismatched, missing, unreadable, not recorded, not computed, misplaced, of
  /// differing replicas, or skipped.
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
    /// Those of which no row was computed by both runs; never counted as compared.
    public var notComputed = 0
    /// Those that the ranks of a group do not hold as their placements say.
    public var misplaced = 0
    /// Those that ranks of a group were to hold alike and do not.
    public var differingReplicas = 0
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
