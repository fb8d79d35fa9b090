import AssayBase
import AssayRuns
import AssayTensors
import Synchronization

/// Finds for each tensor what decides about it.
final class TensorCriteria: Sendable {
  /// What decides about one tensor.
  struct Criterion {
    /// The rule under which its figures are made.
    var rule: ElementRule
    var outliers = OutlierBudget.none
    /// What decides instead of the elements.
    var bound: MetricBound?
    /// Whether NaN and infinity belong there, so that a bound holds where nothing else is.
    var equalNonFinite = false
    /// The position of the tolerance rule that says so.
    var position: Int?
    /// Whether there are rules and none matches.
    var isUnmatched = false
    /// Whether only equal elements match because they are integers.
    var isExact = false
  }

  private let tolerance: Tolerance
  private let rules: [ToleranceRule]?
  /// Positions of the rules that match a module's name.
  private let positions = Mutex<NameMap<[Int]>>([:])

  init(_ tolerance: Tolerance) {
    self.tolerance = tolerance
    rules = if case .rules(let rules) = tolerance.kind { rules.rules } else { nil }
  }

  /// - Parameters:
  ///   - key: The tensor as the expected run names it.
  ///   - dtype: The expected dtype.
  ///   - holdsIntegers: Whether a mapping made floats of integers.
  func criterion(for key: TensorKey, dtype: DType, holdsIntegers: Bool = false) -> Criterion {
    let isInteger = dtype.isInteger || holdsIntegers
    guard let rules else {
      let rule = tolerance.rule(for: isInteger ? .int64 : dtype)
      return Criterion(rule: rule, isExact: isInteger)
    }
    let position = positions(for: key.module, rules).first {
      rules[$0].matchesRest(of: key, dtype: dtype)
    }
    guard let position else {
      return Criterion(
        rule: tolerance.rule(for: dtype), isUnmatched: true, isExact: isInteger)
    }
    let rule = rules[position]
    if isInteger, rule.isExact || !rule.namesIntegers {
      let equalNaN = rule.elementRule(equalNaN: tolerance.equalNaN).equalNaN
      return Criterion(
        rule: ElementRule(validRtol: 0, atol: 0, equalNaN: equalNaN), position: position,
        isExact: true)
    }
    var criterion = Criterion(
      rule: rule.elementRule(equalNaN: tolerance.equalNaN), position: position)
    criterion.equalNonFinite = rule.equalNonFinite
    switch rule.criterion {
    case .elementwise(_, let outliers): criterion.outliers = outliers
    case .bound(let bound): criterion.bound = bound
    }
    return criterion
  }

  private func positions(for module: String, _ rules: [ToleranceRule]) -> [Int] {
    if let known = positions.withLock({ $0[module] }) { return known }
    let found = rules.indices.filter { rules[$0].module.matches(module) }
    positions.withLock { $0[module] = found }
    return found
  }
}

extension TensorCriteria.Criterion {
  /// What a difference comes to.
  func judgement(of difference: Difference) -> Judgement {
    if isUnmatched {
      let reason = "no tolerance rule matches it, so it was judged exactly"
      return difference.isMatch ? .match : .mismatch(reason: reason)
    }
    if bound == nil, difference.isMatch { return .match }
    guard difference.elementCount > 0 else { return .match }
    guard bound != nil || outliers != .none else { return .mismatch(reason: nil) }
    if let reason = nonFinite(difference) { return .mismatch(reason: reason) }
    if equalNonFinite, difference.finitePairCount == 0 { return .match }
    if let bound {
      return bound.failure(of: difference).map { .mismatch(reason: $0) } ?? .match
    }
    let (count, total) = (difference.mismatchedCount, difference.elementCount)
    guard !outliers.allows(count, of: total) else { return .match }
    return .mismatch(
      reason: "\(count) of \(total) elements are outside of rtol and atol, more than the "
        + "\(outliers) that the rule allows")
  }

  /// Neither outliers nor a bound excuse values that are not finite and differ.
  private func nonFinite(_ difference: Difference) -> String? {
    let count = difference.nonFiniteDifferenceCount
    if count > 0 {
      return "NaN or infinite values differ at \(count) position\(count == 1 ? "" : "s")"
    }
    let both = difference.expectedStatistics.nanCount
    guard both > 0, !rule.equalNaN else { return nil }
    return "both are NaN at \(both) position\(both == 1 ? "" : "s"), which match only under "
      + "equal_nan"
  }
}
