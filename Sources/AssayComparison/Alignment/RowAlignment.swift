import AssayRuns

/// Two runs cut into the same steps, so that rows that are the same stand in the same tensors.
///
/// The steps are those of the run that has fewer, of the expected one where both have as many: so
/// every tensor is read about once. Steps without a row of the other run are left out, and counted.
struct RowAlignment {
  var runs: BothSides<AlignedRun>
  var summary: RowSummary

  /// - Parameter requests: Requests of the actual run by what the expected run counts them as;
  ///   those that are not named take no part. Empty for the same numbers.
  /// - Returns: `nil` where the runs are to be compared step by step.
  /// - Throws: ``ComparisonError``.
  init?(
    actual: any RunReader, expected: any RunReader, mode: RowAlignmentMode,
    requests: [(actual: Int, expected: Int)], hasFloor: Bool
  ) throws(ComparisonError) {
    guard mode != .steps else {
      guard requests.isEmpty else {
        throw .cannotAlignRows(reason: "requests are mapped, and steps have none: align by rows")
      }
      return nil
    }
    let isAsked = mode == .rows || !requests.isEmpty
    for run in [actual, expected] {
      guard let step = run.steps.first(where: { $0.rows == nil }) else { continue }
      guard isAsked else { return nil }
      throw .cannotAlignRows(
        reason: "step \(step.index) of \(run.path) does not say which tokens its rows belong to; "
          + "record it by a recorder that does, or align by steps")
    }
    guard isAsked || !actual.hasRows(like: expected) && !hasFloor else { return nil }
    guard !hasFloor else {
      throw .cannotAlignRows(reason: "a noise floor is read by steps; align by steps")
    }
    var map: [Int: Int]?
    for pair in requests {
      guard map?[pair.actual] == nil, !(map ?? [:]).values.contains(pair.expected) else {
        throw .cannotAlignRows(reason: "request \(pair.actual) or \(pair.expected) is mapped twice")
      }
      map = (map ?? [:]).merging([pair.actual: pair.expected]) { first, _ in first }
    }
    let books = BothSides(
      actual: try RowBook(actual, requests: map),
      expected: try RowBook(
        expected,
        requests: map.map { map in
          Dictionary(uniqueKeysWithValues: map.values.map { ($0, $0) })
        }))
    self.init(BothSides(actual: actual, expected: expected), books)
  }

  private init(_ runs: BothSides<any RunReader>, _ books: BothSides<RowBook>) {
    let base: RunSide = runs.actual.steps.count < runs.expected.steps.count ? .actual : .expected
    var steps = BothSides<[AlignedRun.Step]>(actual: [], expected: [])
    summary = RowSummary()
    for (position, step) in runs[base].steps.enumerated() {
      let rows = books[base].rows[position]
      let common = rows.filter { books[base.other].owners[$0] != nil }
      summary.compared += common.count
      let sources = Set(common.compactMap { books[base.other].owners[$0] }).sorted()
      guard !sources.isEmpty else { continue }
      let isWhole =
        sources.count == 1 && common.count == rows.count
        && books[base.other].rows[sources[0]].count == rows.count
      let kept = Set(common)
      summary.rowCounts[step.index] = kept.count
      steps[base].append(
        AlignedRun.Step(index: step.index, sources: [position], rows: kept, isWhole: isWhole))
      steps[base.other].append(
        AlignedRun.Step(index: step.index, sources: sources, rows: kept, isWhole: isWhole))
    }
    self.runs = BothSides(
      actual: AlignedRun(runs.actual, books.actual, steps: steps.actual),
      expected: AlignedRun(runs.expected, books.expected, steps: steps.expected))
    (summary.notComputedInExpected, summary.againInActual) = books.actual.lone(
      beside: books.expected)
    (summary.notComputedInActual, summary.againInExpected) = books.expected.lone(
      beside: books.actual)
    summary.paddingInActual = books.actual.paddingCount
    summary.paddingInExpected = books.expected.paddingCount
    summary.areStepsExpected = base == .expected
    summary.requestIDs = books.expected.requestIDs.merging(books.actual.requestIDs) { ours, _ in
      ours
    }
  }
}

extension RowBook {
  /// The rows that another run does not have: those of tokens that it never computed, and those of
  /// tokens that it computed less often.
  fileprivate func lone(beside other: RowBook) -> (never: Int, again: Int) {
    var (never, again) = (0, 0)
    for row in owners.keys where other.owners[row] == nil {
      let token = Token(request: row.request, position: row.position)
      if other.occurrences[token] == nil { never += 1 } else { again += 1 }
    }
    return (never, again)
  }
}

extension RunReader {
  /// Whether the steps that both runs have hold the same rows at the same places, and no padding.
  ///
  /// A step more is then missing on the other side, as of a run that stopped too early; by rows it
  /// would only be counted.
  fileprivate func hasRows(like other: any RunReader) -> Bool {
    // Where there are no steps none is cut otherwise.
    if steps.isEmpty || other.steps.isEmpty { return true }
    let theirs = Dictionary(
      other.steps.map { ($0.index, $0.rows) }, uniquingKeysWith: { first, _ in first })
    let common = steps.filter { theirs[$0.index] != nil }
    return !common.isEmpty
      && common.allSatisfy { step in
        guard let layouts = step.rows?.layouts, layouts == theirs[step.index]??.layouts else {
          return false
        }
        return !layouts.contains { $0.spans.contains { $0.request == nil } }
      }
  }
}
