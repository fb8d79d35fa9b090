import AssayBase
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
    try refuseLoneRank(actual.manifest, beside: expected.manifest, path: actual.path)
    try refuseLoneRank(expected.manifest, beside: actual.manifest, path: expected.path)
    let alignment = try RowAlignment(
      actual: actual, expected: expected, mode: options.alignment, requests: options.requestMap,
      hasFloor: options.floor != nil)
    let actual: any RunReader = alignment?.runs.actual ?? actual
    let expected: any RunReader = alignment?.runs.expected ?? expected
    var options = options
    options.isByRows = alignment != nil
    let common = CommonSteps(
      actual: actual, expected: expected, mapping: options.mapping,
      devices: options.deviceMap, countsLoneCall: options.countsLoneCall)
    var comparison = compare(
      common.steps, actual: actual, expected: expected,
      failures: common.failures + (alignment?.summary.compared == 0 ? [.noCommonRows] : []),
      mapping: options.mapping, options: options, progress: progress)
    comparison.mapping = common.summary
    comparison.rows = alignment?.summary
    comparison.notes = comparison.rankNotes + comparison.rowNotes + comparison.notes
    return comparison
  }

  /// Judges the pairs of two runs whose steps have common names.
  static func compare(
    _ steps: BothSides<[CommonStep]>, actual: any RunReader, expected: any RunReader,
    failures: [ComparisonFailure] = [], mapping: Mapping?, options: ComparisonOptions,
    progress: (@Sendable (Int, Int) -> Void)?
  ) -> RunComparison {
    var pairing = RunPairing(
      actual: ComparedRun(actual), expected: ComparedRun(expected), steps: steps, options: options)
    pairing.failures += failures
    let judge = PairJudge(options: options)
    let readers = BothSides(
      actual: TensorSourceReader(actual, mapping: mapping),
      expected: TensorSourceReader(expected, mapping: mapping))
    let read: @Sendable (TensorPair, RunSide) throws -> TensorSourceReader.Reading = {
      try readers[$1].read($0, $1)
    }
    let pairs = pairing.pairs
    var judged = concurrentMap(count: pairs.count, progress: progress) {
      JudgedPair(pair: pairs[$0], result: judge.judge(pairs[$0], reading: read))
    }
    PlacementTrial(
      runs: BothSides(actual: actual, expected: expected), mapping: mapping, judge: judge
    ).settle(&judged)
    let detailed = judged.indices.filter { judged[$0].result.isWorthDetail }
      .prefix(max(options.detailLimit, 0))
    let details = concurrentMap(count: detailed.count) { [judged] in
      judge.detail(judged[detailed[$0]].pair, judged[detailed[$0]].result, reading: read)
    }
    for (position, detail) in zip(detailed, details) {
      judged[position].result.outcome.detail = detail
    }
    pairing.notes += RunSide.allCases.compactMap { readers[$0].note(of: $0) }
    var comparison = RunComparison(
      pairing: pairing, results: judged.map(\.result), options: options)
    comparison.notes =
      EqualElsewhere.notes(judged, reading: read) + PermutedPairs.notes(judged, reading: read)
      + comparison.notes
    return comparison
  }
}

/// A pair and what it came to.
struct JudgedPair: Sendable {
  var pair: TensorPair
  var result: TensorResult
}

extension TensorResult {
  /// Whether figures that cost a second pass would say more.
  var isWorthDetail: Bool { verdict.isFailure && difference != nil }
}

extension ComparedRun {
  init(_ run: any RunReader) {
    self.init(path: run.path, manifest: run.manifest, ranks: run.group.map(RankSummary.init))
  }
}
