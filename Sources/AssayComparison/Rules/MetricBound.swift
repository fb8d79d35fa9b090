/// Bounds of figures of a whole tensor, joined by and/or.
public indirect enum MetricBound: Sendable, Hashable {
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
  public func failure(of difference: Difference) -> String? {
    switch self {
    case .atMost(let metric, let limit):
      Self.failure(metric, difference, "<=", limit) { $0 <= limit }
    case .atLeast(let metric, let limit):
      Self.failure(metric, difference, ">=", limit) { $0 >= limit }
    case .all(let bounds):
      Self.joined(bounds.compactMap { $0.failure(of: difference) })
    case .any(let bounds):
      Self.failureOfAll(bounds, difference)
    }
  }

  private static func failure(
    _ metric: Metric, _ difference: Difference, _ sign: String, _ limit: Double,
    _ holds: (Double) -> Bool
  ) -> String? {
    guard let value = metric.value(of: difference) else {
      return "\(metric.rawValue) is undefined, so not \(sign) \(limit.shortText)"
    }
    return holds(value)
      ? nil : "\(metric.rawValue) \(value.shortText) is not \(sign) \(limit.shortText)"
  }

  private static func failureOfAll(_ bounds: [MetricBound], _ difference: Difference) -> String? {
    var failures: [String] = []
    for bound in bounds {
      guard let failure = bound.failure(of: difference) else { return nil }
      failures.append(failure)
    }
    return joined(failures) ?? "no bound is given"
  }

  private static func joined(_ failures: [String]) -> String? {
    failures.isEmpty ? nil : failures.joined(separator: " and ")
  }
}
