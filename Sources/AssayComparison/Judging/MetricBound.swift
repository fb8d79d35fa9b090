/// Bounds of figures of a whole tensor, joined by and/or.
package indirect enum MetricBound: Sendable, Hashable {
  /// The figure may not be larger.
  case atMost(Metric, Double)
  /// The figure may not be smaller.
  case atLeast(Metric, Double)
  /// All must hold.
  case all([MetricBound])
  /// One must hold.
  case any([MetricBound])

  /// Why figures do not meet the bound; `nil` if they do.
  ///
  /// A figure that does not exist meets no bound.
  package func failure(of difference: Difference) -> String? {
    failure { metric, sign, limit, holds in
      guard let value = metric.value(of: difference) else {
        return "\(metric.name) is undefined, so not \(sign) \(limit.shortText)"
      }
      if holds(value) { return nil }
      // Rounded, unless that would make it hold.
      let text = Double(value.aboutText).map(holds) ?? true ? value.shortText : value.aboutText
      return "\(metric.name) \(text) is not \(sign) \(limit.shortText)"
    }
  }

  /// Joins what `body` says of each figure: why it does not hold, or `nil`.
  func failure(
    _ body: (Metric, _ sign: String, _ limit: Double, _ holds: (Double) -> Bool) -> String?
  ) -> String? {
    switch self {
    case .atMost(let metric, let limit): return body(metric, "<=", limit) { $0 <= limit }
    case .atLeast(let metric, let limit): return body(metric, ">=", limit) { $0 >= limit }
    case .all(let bounds): return Self.joined(bounds.compactMap { $0.failure(body) })
    case .any(let bounds):
      var failures: [String] = []
      for bound in bounds {
        guard let failure = bound.failure(body) else { return nil }
        failures.append(failure)
      }
      return Self.joined(failures) ?? "no bound is given"
    }
  }

  private static func joined(_ failures: [String]) -> String? {
    failures.isEmpty ? nil : failures.joined(separator: " and ")
  }
}
