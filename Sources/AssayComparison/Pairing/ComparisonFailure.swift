public import AssayTensors

/// Why a comparison fails as a whole.
public enum ComparisonFailure: Sendable, Equatable {
  /// A selected step is in neither run.
  case stepMatchesNothing(Int)
  /// A module pattern matches no module of either run.
  case patternMatchesNothing(String)
  /// Matching a pattern was given up, of the selection or of a rule.
  case unfinishedPattern(UnfinishedPattern)
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
  /// The runs were to be compared by rows, and none is in both.
  case noCommonRows
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
  /// A rule names a counterpart for a tensor that another tensor, `beside`, is paired with, by the
  /// rule `by` or by equal names; rules count from 0.
  case mappedTwice(
    rule: Int, tensor: TensorKey, onto: TensorKey, beside: TensorKey?, by: Int?, isActual: Bool)
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
    case .unfinishedPattern(let pattern):
      pattern.description
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
    case .noCommonRows:
      "no row was computed by both runs: they have no position of a request in common; requests count "
        + "in order of arrival, and --request-map pairs others"
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
    case .mappedTwice(let rule, let tensor, let onto, let beside, let other, let isActual):
      "rule \(rule + 1) of the mapping pairs \(tensor) with \(onto), which is already paired with "
        + "\(beside.map { "\($0)" } ?? "another tensor") by "
        + "\(other.map { "rule \($0 + 1)" } ?? "their equal names"); no tensor pairs twice, unless "
        + "the later rule says shared: \(isActual ? "expected" : "actual")"
    case .noLogits(let pattern):
      "the pattern \"\(pattern)\" for logits matches no compared output with a vocabulary as its last "
        + "axis"
    case .moreMappedTwice(let count):
      "the mapping names paired counterparts for \(count) more tensor\(count == 1 ? "" : "s")"
    }
  }
}
