import AssayRuns
import AssayTensors

extension ComparisonWork {
  /// Says of which comparison parts of this work are.
  ///
  /// - Parameters:
  ///   - request: The arguments that ask for this comparison again.
  ///   - files: The SHA-256 of the files that they name, besides runs.
  ///   - shardCount: Into how many shards it is cut.
  package func head(
    request: [String], files: [String: String] = [:], shardCount: Int
  ) -> PartialComparison.Head {
    PartialComparison.Head(
      assay: AssayVersion.current, actual: RunIdentity(runs.actual),
      expected: RunIdentity(runs.expected), floor: options.floor.map { RunIdentity($0) },
      request: request, files: files, pairCount: pairing.pairs.count, shardCount: shardCount)
  }

  /// The pairs of each shard: as many calls that follow each other as take about their share of the
  /// time.
  ///
  /// What follows each other is read once from the disk: a module's output is the next one's input.
  package func shards(_ count: Int) -> [Range<Int>] {
    let weights = pairing.steps.flatMap(\.calls).map { call in
      (pairs: call.pairs, weight: call.pairs.reduce(0) { $0 + weight(of: pairing.pairs[$1]) })
    }
    let total = weights.reduce(0) { $0 + $1.weight }
    var shards = [Range<Int>](repeating: 0..<0, count: count)
    var done = 0.0
    for (pairs, weight) in weights where !pairs.isEmpty {
      // A call belongs where its middle falls.
      let shard = min(Int((done + weight / 2) * Double(count) / total), count - 1)
      shards[shard] =
        shards[shard].isEmpty ? pairs : shards[shard].lowerBound..<pairs.upperBound
      done += weight
    }
    return shards
  }

  /// The shards, those that take longest first.
  package func shardsBySize(_ count: Int) -> [Int] {
    let shards = shards(count)
    let weights = shards.map { $0.reduce(0) { $0 + weight(of: pairing.pairs[$1]) } }
    return weights.indices.sorted { (-weights[$0], $0) < (-weights[$1], $1) }.map { $0 + 1 }
  }

  /// About how long a pair takes, in bytes that could be read in that time.
  func weight(of pair: TensorPair) -> Double {
    // What a pair costs that has no elements at all.
    let least = 65536.0
    return RunSide.allCases.reduce(least) { sum, side in
      let key = pair.sides[side]?.record.key
      return sum + Double(key.flatMap(runs[side].byteCount) ?? 0)
    }
  }

  /// Judges the pairs of one shard.
  ///
  /// - Parameters:
  ///   - shard: The shard, from 1.
  ///   - head: What ``head(request:files:shardCount:)`` came to.
  ///   - progress: Called with the number of pairs done and their total, from any thread.
  package func part(
    _ shard: Int, head: PartialComparison.Head, progress: (@Sendable (Int, Int) -> Void)? = nil
  ) -> PartialComparison {
    let pairs = shards(head.shardCount)[shard - 1]
    let sliced = slicedKeys
    func slice(of pair: TensorPair, _ side: RunSide) -> TensorSourceReader.Slice? {
      guard let key = pair.sides[side]?.record.key, sliced[side].contains(key) else { return nil }
      return readers[side].slice(of: pair, side)
    }
    var part = PartialComparison(path: "shard \(shard)", head: head, shards: [shard])
    var lists: [RowList: Int] = [:]
    let results = results(of: pairs, progress: progress)
    for (position, result) in zip(pairs, results) {
      let rows = result.rows.map { list -> Int in
        if let known = lists[list] { return known }
        lists[list] = part.rowLists.count
        part.rowLists.append(list)
        return part.rowLists.count - 1
      }
      let pair = pairing.pairs[position]
      part.results.append(
        PartialComparison.Result(
          pair: position, outcome: result.outcome, ruling: result.ruling, rows: rows,
          actual: slice(of: pair, .actual), expected: slice(of: pair, .expected)))
    }
    return part
  }

  /// Makes the comparison of a part that holds all shards, as one process would have made it.
  ///
  /// - Throws: ``ComparisonError/missingShards(_:count:)``,
  ///   ``ComparisonError/unusablePart(path:reason:)``.
  package func comparison(
    of part: PartialComparison, head: PartialComparison.Head
  ) throws(ComparisonError) -> RunComparison {
    func unusable(_ reason: String) -> ComparisonError {
      .unusablePart(path: part.path, reason: reason)
    }
    if let reason = part.head.difference(from: head, of: "this merge") { throw unusable(reason) }
    try part.checkShards()
    guard part.results.map(\.pair) == Array(all) else {
      throw unusable("it does not hold every pair of its shards once")
    }
    var results: [TensorResult] = []
    results.reserveCapacity(part.results.count)
    var elementCount = 0
    for (pair, result) in zip(pairing.pairs, part.results) {
      guard result.isPlausible(options) else {
        throw unusable("what it says of \(pair.key) contradicts itself")
      }
      let count =
        result.outcome.difference?.elementCount ?? result.outcome.estimate?.elementCount ?? 0
      let (sum, overflow) = elementCount.addingReportingOverflow(count)
      guard !overflow else { throw unusable("it counts more elements than any run holds") }
      elementCount = sum
      for (side, slice) in [(RunSide.actual, result.actual), (.expected, result.expected)] {
        if let slice { readers[side].add(slice, of: pair, side) }
      }
      results.append(
        TensorResult(
          key: pair.key, outcome: result.outcome, ruling: result.ruling, pairing: pair.origin,
          rows: result.rows.map { part.rowLists[$0] }))
    }
    return fold(results)
  }
}

extension PartialComparison.Result {
  /// Whether counts and indices are such as tensors of the form have: a file may say anything.
  fileprivate func isPlausible(_ options: ComparisonOptions) -> Bool {
    var ruleCount = 0
    if case .rules(let rules) = options.tolerance.kind { ruleCount = rules.rules.count }
    if let rule = ruling?.rule, !(0..<ruleCount).contains(rule) { return false }
    guard outcome.detail == nil else { return false }
    guard let form = outcome.form else { return outcome.difference == nil }
    let count = form.dtype.valueShape(of: form.shape).elementCount
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
        && counts.allSatisfy { (0...count).contains($0) }
        && indices.allSatisfy { (0..<count).contains($0) }
    }
    if let difference = outcome.difference { return fits(difference, count) }
    guard let estimate = outcome.estimate else { return true }
    guard estimate.elementCount == count else { return false }
    return estimate.sample.map { (0...count).contains($0.elementCount) && fits($0, $0.elementCount) }
      ?? true
  }
}
