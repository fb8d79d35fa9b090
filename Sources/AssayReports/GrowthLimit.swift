import AssayComparison
import AssayTensors

extension ModuleResult {
  /// The largest relative error that the tolerance allows this call's outputs, so far as it says.
  ///
  /// - Returns: The strictest limit over the outputs; `nil` where none is relative.
  func growthLimit(under tolerance: Tolerance) -> Double? {
    tensors.filter { $0.slot.side != .inputs && $0.isCompared }
      .compactMap { $0.growthLimit(under: tolerance) }.min()
  }
}

extension TensorResult {
  /// The rtol of an element rule, or what a bound asks of the relative L2 or of the worst row.
  fileprivate func growthLimit(under tolerance: Tolerance) -> Double? {
    if !isExact, case .rules(let rules) = tolerance.kind, let rule,
      rules.rules.indices.contains(rule),
      case .bound(let bound) = rules.rules[rule].criterion
    {
      return bound.growthLimit
    }
    let rtol = tolerance.rule(for: self).rtol
    return rtol > 0 ? rtol : nil
  }
}

extension MetricBound {
  /// The relative L2 error, of the whole or of the worst row, above which the bound surely fails.
  fileprivate var growthLimit: Double? {
    switch self {
    case .atMost(.relativeL2, let limit), .atMost(.worstRow, let limit): limit > 0 ? limit : nil
    case .atMost, .atLeast: nil
    case .all(let bounds): bounds.compactMap(\.growthLimit).min()
    case .any(let bounds):
      // Where one alternative has no such limit, none can be told.
      bounds.allSatisfy { $0.growthLimit != nil } ? bounds.compactMap(\.growthLimit).max() : nil
    }
  }
}

extension Tolerance {
  /// What the tolerance line of a plot of growth is.
  var growthLimitText: String {
    switch kind {
    case .elementwise(let rtol, _):
      "rtol \(MarkdownText.exact(rtol)), the relative part of the tolerance"
    case .torch: "rtol by dtype, the relative part of the tolerance"
    case .rules: "each rule's rtol, or its limit of rel_l2 or worst_row"
    }
  }
}
