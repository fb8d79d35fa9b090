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
    let mapped = options.mapping.map {
      MappingResolution($0, actual: actual, expected: expected, options)
    }
    let actual = mapped?.runs.actual ?? actual
    let expected = mapped?.runs.expected ?? expected
    var pairing = RunPairing(actual: actual, expected: expected, options: options)
    pairing.failures += mapped?.failures ?? []
    let judge = PairJudge(
      expected: expected, options: options,
      holdsIntegers: { mapped?.holdsIntegers(actual: $0, expected: $1) ?? false })
    let pairs = pairing.pairs
    var tensors = concurrentMap(count: pairs.count, progress: progress) {
      judge.judge(pairs[$0], actual: actual.tensor)
    }
    let detailed = Array(tensors.detailed(limit: options.detailLimit))
    let details = concurrentMap(count: detailed.count) { [tensors] in
      judge.detail(pairs[detailed[$0]], tensors[detailed[$0]], actual: actual.tensor)
    }
    for (position, detail) in zip(detailed, details) { tensors[position].detail = detail }
    if let mapped { pairing.notes += mapped.notes }
    mapped?.addOrigins(to: &tensors, of: pairing)
    var comparison = RunComparison(pairing: pairing, tensors: tensors, options: options)
    comparison.mapping = mapped?.summary
    comparison.notes =
      EqualElsewhere.notes(pairing, tensors, actual: actual, expected: expected)
      + comparison.notes
    return comparison
  }
}

extension [TensorResult] {
  /// Positions of the first failing tensors with figures, in execution order.
  func detailed(limit: Int) -> ArraySlice<Int> {
    indices.filter { self[$0].isWorthDetail }.prefix(Swift.max(limit, 0))
  }
}

extension TensorResult {
  /// Whether figures that cost a second pass would say more.
  var isWorthDetail: Bool { verdict.isFailure && difference != nil }
}
