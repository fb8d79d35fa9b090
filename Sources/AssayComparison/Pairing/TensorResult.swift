import AssayRuns
public import AssayTensors

/// One tensor of the comparison: its name and what it came to.
public struct TensorResult: Sendable, Equatable {
  /// The name under which it was compared: that of the expected run, but for what a mapping splits.
  public var key: TensorKey
  /// What it came to.
  package var outcome: Outcome
  /// What decided about it; `nil` where nothing was judged.
  var ruling: Ruling?
  /// How it was paired, where there is a mapping; `nil` for a tensor that stands alone.
  package var pairing: PairOrigin?
  /// The rows that were compared, along the first axis; `nil` where it was not compared by rows.
  package var rows: RowList?

  /// What decided about a tensor.
  struct Ruling: Sendable, Equatable, Codable {
    /// The position of the tolerance rule, from 0; `nil` without one that matches.
    var rule: Int?
    /// Whether there are rules and none matches.
    var isUnmatched: Bool
    /// Whether only equal elements match because they are integers or booleans, for which what the
    /// tolerance allows does not hold.
    var isExact: Bool
  }
}

extension TensorResult {
  /// Which tensor of the call.
  public var slot: Slot { key.slot }
  /// Where the tensor lived, as the expected run names it.
  public var device: Device { key.device }
  /// What comparing it came to.
  public var verdict: Verdict { outcome.verdict }
  /// Why, in words.
  public var reason: String? { outcome.reason }
  /// The expected tensor's dtype, or that of the only side whose dtype is known.
  public var dtype: DType? { outcome.form?.dtype }
  /// The expected tensor's shape, or that of the only side whose shape is known.
  public var shape: Shape? { outcome.form?.shape }
  /// The figures, where elements were compared.
  public var difference: Difference? { outcome.difference }
  /// What digests tell of the difference, where a side has no elements.
  package var estimate: DigestEstimate? { outcome.estimate }
  /// What further passes show, for the first failing tensors.
  package var detail: TensorDetail? { outcome.detail }
  /// The position of the tolerance rule that decided, from 0; `nil` without rules, or without one
  /// that matches.
  package var rule: Int? { ruling?.rule }
  /// Whether there are rules and none matches.
  var isUnmatched: Bool { ruling?.isUnmatched ?? false }
  /// Whether only equal elements match because they are integers or booleans, for which what the
  /// tolerance allows does not hold.
  package var isExact: Bool { ruling?.isExact ?? false }

  /// The shape that the indices of figures are in: numbers that a dtype packs count one by one.
  package var valueShape: Shape? { shape.map { dtype?.valueShape(of: $0) ?? $0 } }
  /// The 50th, 90th, 99th and 99.9th percentile of `|d|`, for tensors shown in full detail.
  package var quantiles: [Double]? { detail?.quantiles }

  /// Whether its elements or digests were compared.
  package var isCompared: Bool { difference != nil || estimate != nil }
  /// Whether its verdict is an estimate: its bytes differ, and digests tell by how much.
  package var isEstimated: Bool { estimate.map { !$0.isEqual } ?? false }
  /// What the actual tensor's values look like; `nil` where it was not compared.
  package var actualStatistics: TensorStatistics? {
    difference?.actualStatistics ?? estimate?.actualStatistics
  }
  /// What the expected tensor's values look like; `nil` where it was not compared.
  package var expectedStatistics: TensorStatistics? {
    difference?.expectedStatistics ?? estimate?.expectedStatistics
  }
}

extension Tolerance {
  /// The rule under which the figures of a result were made: that of its dtype, or of the tolerance
  /// rule that decided; exact where a bound decided or no rule matched.
  package func rule(for result: TensorResult) -> ElementRule {
    guard !result.isExact, case .rules(let rules) = kind, let position = result.rule,
      rules.rules.indices.contains(position)
    else { return rule(for: result.dtype ?? .float32) }
    return rules.rules[position].elementRule(equalNaN: equalNaN)
  }
}

extension TensorResult {
  /// The error by which growth is told: the worst row's relative L2.
  ///
  /// It is infinite where values are not finite on one side only, and `nil` where nothing was
  /// compared. The worst row, since one huge activation hides the rest of a tensor from its norm; of
  /// digests, which have no rows, it is the estimate of the whole tensor's.
  public var error: Double? {
    if let estimate {
      return estimate.differsInNonFinite ? .infinity : estimate.relativeL2?.value
    }
    return difference.flatMap {
      $0.nonFiniteDifferenceCount > 0 ? .infinity : $0.worstRow?.value ?? $0.relativeL2
    }
  }
}

extension TensorResult {
  /// Whether values that were compared are outside the tolerance.
  ///
  /// Of tensors of another dtype figures tell, which are of both converted to one; ranks that do not
  /// agree cannot both be right.
  var hasValueError: Bool {
    verdict == .values || verdict == .replicas
      || verdict == .dtype && difference?.mismatchedCount ?? 0 > 0
  }

  /// Whether it has another shape or dtype, and no values that tell more.
  var hasFormErrorOnly: Bool { verdict.isDivergence && !hasValueError }
}

extension Metric {
  /// What it came to for one tensor; `nil` where there is no such figure.
  package func reading(of tensor: TensorResult) -> Reading? {
    switch source {
    case .difference(let read):
      tensor.difference.flatMap(read)
        ?? tensor.estimate.flatMap { figure(of: $0) }.map { Reading($0) }
    case .detail(let read): tensor.detail.flatMap(read).map { Reading($0) }
    case .values(let read):
      (place == .actual ? tensor.actualStatistics : tensor.expectedStatistics).flatMap(read)
    }
  }
}
