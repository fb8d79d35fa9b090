public import AssayRuns

extension RunComparison {
  /// Compares two runs: pairs their tensors by key and judges every pair.
  ///
  /// What fails is in the result, not thrown: a comparison of nothing, a selection that matches
  /// nothing and a tensor that cannot be read are failures that the result names.
  ///
  /// - Parameters:
  ///   - actual: The run under test.
  ///   - expected: The reference.
  ///   - options: What is compared, and under which rules.
  ///   - progress: Called with the number of pairs done and their total, from any thread.
  /// - Returns: The same values whatever the number of threads.
  /// - Throws: ``ComparisonError``.
  public static func compare(
    actual: any RunReader, expected: any RunReader, options: ComparisonOptions = .init(),
    progress: (@Sendable (Int, Int) -> Void)? = nil
  ) throws(ComparisonError) -> RunComparison {
    try ComparisonWork(actual: actual, expected: expected, options: options)
      .comparison(progress: progress)
  }
}
