import AssayBase
package import AssayRuns
import AssayTensors

/// Two runs that were paired, and what judges their pairs.
///
/// A comparison is a map over pairs, whose parts any process can do, and a fold over the results.
package struct ComparisonWork: Sendable {
  /// The runs that are read.
  let runs: BothSides<any RunReader>
  let options: ComparisonOptions
  private(set) var pairing: RunPairing
  let readers: BothSides<TensorSourceReader>
  private let judge: PairJudge
  private var mapping: MappingSummary?
  private var rows: RowSummary?

  /// Pairs two runs.
  ///
  /// - Throws: ``ComparisonError``.
  package init(
    actual: any RunReader, expected: any RunReader, options: ComparisonOptions
  ) throws(ComparisonError) {
    try RunComparison.refuseLoneRank(actual.manifest, beside: expected.manifest, path: actual.path)
    try RunComparison.refuseLoneRank(
      expected.manifest, beside: actual.manifest, path: expected.path)
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
    self.init(
      common.steps, actual: actual, expected: expected, mapping: options.mapping, options: options)
    pairing.failures +=
      common.failures + (alignment?.summary.compared == 0 ? [.noCommonRows] : [])
    mapping = common.summary
    rows = alignment?.summary
  }

  /// Pairs two runs whose steps have common names.
  init(
    _ steps: BothSides<[CommonStep]>, actual: any RunReader, expected: any RunReader,
    mapping: Mapping?, options: ComparisonOptions
  ) {
    runs = BothSides(actual: actual, expected: expected)
    self.options = options
    pairing = RunPairing(
      actual: ComparedRun(actual), expected: ComparedRun(expected), steps: steps, options: options)
    judge = PairJudge(options: options)
    readers = BothSides(
      actual: TensorSourceReader(actual, mapping: mapping),
      expected: TensorSourceReader(expected, mapping: mapping))
  }

  /// Judges all pairs and adds up what they came to.
  ///
  /// - Parameter progress: Called with the number of pairs done and their total, from any thread.
  package func comparison(progress: (@Sendable (Int, Int) -> Void)? = nil) -> RunComparison {
    fold(results(of: all, progress: progress))
  }

  /// The positions of all pairs.
  var all: Range<Int> { pairing.pairs.indices }

  /// Reads and judges pairs.
  ///
  /// - Parameter progress: Called with the number of pairs done and their total, from any thread.
  func results(
    of range: Range<Int>, progress: (@Sendable (Int, Int) -> Void)? = nil
  ) -> [TensorResult] {
    concurrentMap(count: range.count, progress: progress) {
      judge.judge(pairing.pairs[range.lowerBound + $0], reading: read)
    }
  }

  /// Adds up what all pairs came to, and looks again at a bounded number of those that fail.
  ///
  /// - Parameter results: What the pairs came to, at their positions.
  func fold(_ results: [TensorResult]) -> RunComparison {
    var judged = zip(pairing.pairs, results).map { JudgedPair(pair: $0, result: $1) }
    PlacementTrial(runs: runs, mapping: options.mapping, judge: judge).settle(&judged)
    let detailed = judged.indices.filter { judged[$0].result.isWorthDetail }
      .prefix(max(options.detailLimit, 0))
    let details = concurrentMap(count: detailed.count) { [judged] in
      judge.detail(judged[detailed[$0]].pair, judged[detailed[$0]].result, reading: read)
    }
    for (position, detail) in zip(detailed, details) {
      judged[position].result.outcome.detail = detail
    }
    var pairing = pairing
    pairing.notes += RunSide.allCases.compactMap { readers[$0].note(of: $0) }
    var comparison = RunComparison(
      pairing: pairing, results: judged.map(\.result), options: options)
    comparison.notes =
      EqualElsewhere.notes(judged, reading: read) + PermutedPairs.notes(judged, reading: read)
      + comparison.notes
    comparison.mapping = mapping
    comparison.rows = rows
    comparison.notes = comparison.rankNotes + comparison.rowNotes + comparison.notes
    return comparison
  }

  private var read: @Sendable (TensorPair, RunSide) throws -> TensorSourceReader.Reading {
    { [readers] in try readers[$1].read($0, $1) }
  }
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
