import AssayRuns
import AssayTensors

/// A comparison that is cut into shards.
package struct ShardedWork: Sendable {
  /// Of which comparison its parts are.
  package let head: PartialComparison.Head
  /// The pairs of each shard.
  let shards: [Range<Int>]
  private let work: ComparisonWork
  /// Tensors of either run of which some pair takes only a part.
  private let slicedKeys: BothSides<Set<TensorKey>>

  /// Cuts a comparison.
  ///
  /// - Parameters:
  ///   - work: The comparison.
  ///   - count: The number of shards, at least 1.
  ///   - request: The arguments that ask for this comparison again.
  ///   - files: The SHA-256 of the files that they name, besides runs.
  package init(
    _ work: ComparisonWork, count: Int, request: [String] = [], files: [String: String] = [:]
  ) {
    self.work = work
    head = PartialComparison.Head(
      assay: AssayVersion.current, actual: RunIdentity(work.runs.actual),
      expected: RunIdentity(work.runs.expected), floor: work.options.floor.map { RunIdentity($0) },
      request: request, files: files, pairCount: work.pairing.pairs.count, shardCount: count)
    shards = work.cut(into: count)
    var keys = BothSides<Set<TensorKey>>(actual: [], expected: [])
    for pair in work.pairing.pairs {
      for side in RunSide.allCases {
        guard let source = pair.sides[side], source.isPartial else { continue }
        keys[side].insert(source.record.key)
      }
    }
    slicedKeys = keys
  }

  /// The shards, from 1, those that take longest first.
  package var shardsBySize: [Int] {
    let weights = shards.map { $0.reduce(0) { $0 + work.weight(of: work.pairing.pairs[$1]) } }
    return weights.indices.sorted { (-weights[$0], $0) < (-weights[$1], $1) }.map { $0 + 1 }
  }

  /// Judges the pairs of one shard.
  ///
  /// - Parameters:
  ///   - shard: The shard, from 1.
  ///   - progress: Called with the number of pairs done and their total, from any thread.
  /// - Throws: ``ComparisonError/unfinishedPattern(_:)``, for the process that merges the parts
  ///   matches no rules.
  package func part(
    _ shard: Int, progress: (@Sendable (Int, Int) -> Void)? = nil
  ) throws(ComparisonError) -> PartialComparison {
    let pairs = shards[shard - 1]
    var part = PartialComparison(path: "shard \(shard)", head: head, shards: [shard])
    var lists: [RowList: Int] = [:]
    for (position, result) in zip(pairs, work.results(of: pairs, progress: progress)) {
      let rows = result.rows.map { list -> Int in
        if let known = lists[list] { return known }
        lists[list] = part.rowLists.count
        part.rowLists.append(list)
        return part.rowLists.count - 1
      }
      let pair = work.pairing.pairs[position]
      part.results.append(
        PartialComparison.Result(
          pair: position, outcome: result.outcome, ruling: result.ruling, rows: rows,
          actual: slice(of: pair, .actual), expected: slice(of: pair, .expected)))
    }
    if let pattern = work.options.unfinishedPattern { throw .unfinishedPattern(pattern) }
    return part
  }

  private func slice(of pair: TensorPair, _ side: RunSide) -> TensorSourceReader.Slice? {
    guard let key = pair.sides[side]?.record.key, slicedKeys[side].contains(key) else { return nil }
    return work.readers[side].slice(of: pair, side)
  }

  /// Makes the comparison of a part that holds all shards, as one process would have made it.
  ///
  /// - Throws: ``ComparisonError/missingShards(_:count:)``,
  ///   ``ComparisonError/unusablePart(path:reason:)``.
  package func comparison(of part: PartialComparison) throws(ComparisonError) -> RunComparison {
    func unusable(_ reason: String) -> ComparisonError {
      .unusablePart(path: part.path, reason: reason)
    }
    if let reason = part.head.difference(from: head, of: "this merge") { throw unusable(reason) }
    try part.checkShards()
    guard part.results.map(\.pair) == Array(work.all) else {
      throw unusable("it does not hold every pair of its shards once")
    }
    var results: [TensorResult] = []
    results.reserveCapacity(part.results.count)
    var elementCount = 0
    for (pair, result) in zip(work.pairing.pairs, part.results) {
      guard result.isPlausible(work.options) else {
        throw unusable("what it says of \(pair.key) contradicts itself")
      }
      let count =
        result.outcome.difference?.elementCount ?? result.outcome.estimate?.elementCount ?? 0
      let (sum, overflow) = elementCount.addingReportingOverflow(count)
      guard !overflow else { throw unusable("it counts more elements than any run holds") }
      elementCount = sum
      for (side, slice) in [(RunSide.actual, result.actual), (.expected, result.expected)] {
        if let slice { work.readers[side].add(slice, of: pair, side) }
      }
      results.append(
        TensorResult(
          key: pair.key, outcome: result.outcome, ruling: result.ruling, pairing: pair.origin,
          rows: result.rows.map { part.rowLists[$0] }))
    }
    return work.fold(results)
  }
}

extension ComparisonWork {
  /// The pairs of each shard: calls that follow each other and take about their share of the time.
  ///
  /// What follows each other is read once from the disk: a module's output is the next one's input.
  fileprivate func cut(into count: Int) -> [Range<Int>] {
    let calls = pairing.steps.flatMap(\.calls).map { call in
      (pairs: call.pairs, weight: call.pairs.reduce(0) { $0 + weight(of: pairing.pairs[$1]) })
    }
    let total = calls.reduce(0) { $0 + $1.weight }
    var shards = [Range<Int>](repeating: 0..<0, count: count)
    var done = 0.0
    for (pairs, weight) in calls where !pairs.isEmpty {
      // A call belongs where its middle falls.
      let shard = min(Int((done + weight / 2) * Double(count) / total), count - 1)
      shards[shard] =
        shards[shard].isEmpty ? pairs : shards[shard].lowerBound..<pairs.upperBound
      done += weight
    }
    return shards
  }

  /// About how long a pair takes, in bytes that could be read in that time.
  fileprivate func weight(of pair: TensorPair) -> Double {
    // What a pair costs that has no elements at all.
    let least = 65536.0
    return RunSide.allCases.reduce(least) { sum, side in
      let key = pair.sides[side]?.record.key
      return sum + Double(key.flatMap(runs[side].byteCount) ?? 0)
    }
  }
}

extension PartialComparison.Result {
  /// Whether counts and indices are such as tensors of the form have: a file may say anything.
  fileprivate func isPlausible(_ options: ComparisonOptions) -> Bool {
    var ruleCount = 0
    if case .rules(let rules) = options.tolerance.kind { ruleCount = rules.rules.count }
    if let rule = ruling?.rule, !(0..<ruleCount).contains(rule) { return false }
    guard outcome.detail == nil, [actual, expected].allSatisfy(Self.isPlausible) else {
      return false
    }
    guard let form = outcome.form else { return outcome.difference == nil }
    let count = form.dtype.valueShape(of: form.shape).elementCount
    func fits(_ statistics: TensorStatistics, _ count: Int) -> Bool {
      let (nan, inf) = (statistics.nanCount, statistics.infCount)
      return (0...count).contains(nan) && (0...count - nan).contains(inf)
    }
    func fits(_ difference: Difference, _ count: Int) -> Bool {
      let counts = [
        difference.mismatchedCount, difference.finitePairCount, difference.nonFiniteDifferenceCount,
      ]
      let indices = [
        difference.firstMismatchIndex, difference.maxAbs?.index, difference.maxRel?.index,
        difference.maxAbsMismatched?.index, difference.maxRelMismatched?.index,
        difference.worstRow?.row, difference.maxULP?.index,
        difference.firstNonFiniteDifferenceIndex,
      ].compactMap { $0 }
      return difference.elementCount == count
        && fits(difference.actualStatistics, count) && fits(difference.expectedStatistics, count)
        && counts.allSatisfy { (0...count).contains($0) }
        && indices.allSatisfy { (0..<count).contains($0) }
    }
    if let difference = outcome.difference { return fits(difference, count) }
    guard let estimate = outcome.estimate else { return true }
    guard estimate.elementCount == count, fits(estimate.actualStatistics, count),
      fits(estimate.expectedStatistics, count)
    else { return false }
    return estimate.sample.map {
      (0...count).contains($0.elementCount) && fits($0, $0.elementCount)
    }
      ?? true
  }
  /// Whether a tensor may have so many elements, some of which were taken.
  private static func isPlausible(_ slice: TensorSourceReader.Slice?) -> Bool {
    let total = slice?.total ?? 0
    return (0..<1 << 48).contains(total) && (0...total).contains(slice?.taken ?? 0)
  }
}
