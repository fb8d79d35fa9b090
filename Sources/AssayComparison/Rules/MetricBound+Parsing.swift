extension MetricBound {
  /// Reads a bound such as `rel_l2 <= 1e-3 and (cosine >= 0.9999 or max_abs <= 1e-4)`.
  ///
  /// - Throws: ``ComparisonError/invalidBound(_:reason:)``.
  public init(parsing text: String) throws(ComparisonError) {
    throw .invalidBound(text, reason: "not yet")
  }
}
