import AssayRuns
import AssayTensors

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

extension TensorCriteria.Criterion {
  /// What an estimate comes to: a match only if everything that the digests tell allows it.
  ///
  /// Elements within rtol and atol make a difference of a norm of at most
  /// `atol sqrt(n) + rtol norm(expected)`, so that an estimate above it fails. One below it does not
  /// prove that every element is within, which only equal hashes do.
  func judgement(of estimate: DigestEstimate, dtype: DType) -> Judgement {
    if estimate.isEqual { return judgementOfEqual(estimate) }
    if isUnmatched {
      return .mismatch(
        reason: "no tolerance rule matches it, so it was judged exactly, and its bytes differ")
    }
    if let reason = refusal(of: estimate, dtype) { return .mismatch(reason: reason) }
    if let bound { return bound.failure(of: estimate).map { .mismatch(reason: $0) } ?? .match }
    guard let reason = elementFailure(of: estimate) else { return .match }
    let hint =
      outliers == .none ? "" : "; the outliers that the rule allows cannot be told from a digest"
    return .mismatch(reason: reason + hint)
  }

  /// Equal bytes match, but for a NaN that is to match nothing.
  private func judgementOfEqual(_ estimate: DigestEstimate) -> Judgement {
    let count = estimate.expectedStatistics.nanCount
    if count > 0, !rule.equalNaN {
      return .mismatch(
        reason: "both are NaN at \(count) position\(count == 1 ? "" : "s"), which match only under "
          + "equal_nan")
    }
    return bound?.failure(of: estimate).map { .mismatch(reason: $0) } ?? .match
  }

  /// Why digests of other hashes cannot be judged by an estimate.
  private func refusal(of estimate: DigestEstimate, _ dtype: DType) -> String? {
    let (a, e) = (estimate.actualStatistics, estimate.expectedStatistics)
    if estimate.differsInNonFinite {
      return "it has \(a.nanCount) NaN and \(a.infCount) infinite values instead of \(e.nanCount) "
        + "and \(e.infCount)"
    }
    if estimate.nonFiniteCount > 0 {
      return
        "its bytes differ, and digests do not tell where its \(e.nanCount + e.infCount) NaN or "
        + "infinite values are"
    }
    if !(dtype.isFloatingPoint || dtype.isComplex) {
      return "its bytes differ, which is all that digests of \(dtype) tell"
    }
    if estimate.norm == nil {
      return "its bytes differ, and the digests have no projections of one seed to tell by how much"
    }
    return nil
  }

  private func elementFailure(of estimate: DigestEstimate) -> String? {
    if let sample = estimate.sample, !sample.isMatch {
      return "\(sample.mismatchedCount) of \(sample.elementCount) sampled elements are outside of "
        + "rtol and atol"
    }
    let e = estimate.expectedStatistics
    let largest = max((e.min ?? 0).magnitude, (e.max ?? 0).magnitude)
    // The rule itself is float32 arithmetic for small floats: its rounding is no failure.
    let widest = (rule.atol + rule.rtol * largest) * (1 + 0x1p-22)
    if let gap = estimate.maxAbsAtLeast, gap > widest {
      return "max_abs is at least \(gap.aboutText), by the digests' minima and maxima, more than "
        + "\(widest.aboutText) that rtol and atol allow anywhere"
    }
    let count = Double(max(estimate.elementCount, 1))
    let limit = rule.atol * count.squareRoot() + rule.rtol * e.l2
    guard let norm = estimate.norm, !(norm.value <= limit) else { return nil }
    guard let error = estimate.relativeL2 else { return "the estimate is no number" }
    return "rel_l2 is about \(error.text), by digests, and rtol and atol allow at most "
      + "\((limit / e.l2).aboutText)"
  }
}

extension DigestEstimate.Figure {
  /// The estimate and its bounds: `0.0123 (0.01 to 0.0174)`.
  package var text: String {
    "\(value.aboutText) (\(lower.aboutText) to \(upper.aboutText))"
  }
}

extension Double {
  /// The number with four digits, which are more than an estimate has.
  var aboutText: String {
    guard isNormal else { return shortText }
    let scale = pow(10, 3 - log10(magnitude).rounded(.down))
    let rounded = (self * scale).rounded() / scale
    return rounded.isFinite ? rounded.shortText : shortText
  }
}

extension MetricBound {
  /// Why an estimate does not meet the bound; `nil` if it does.
  ///
  /// A figure that digests do not tell meets no bound.
  package func failure(of estimate: DigestEstimate) -> String? {
    failure { metric, sign, limit, holds in
      guard let value = metric.value(of: estimate) else {
        return "\(metric.name) is not known of a digest, so not \(sign) \(limit.shortText)"
      }
      let about = estimate.isEqual ? "" : " is about"
      return holds(value)
        ? nil : "\(metric.name)\(about) \(value.aboutText), not \(sign) \(limit.shortText)"
    }
  }
}
