import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

@testable import AssayComparison

/// Runs of one module whose every row holds its request and position, computed in other batches.
@Suite struct RowComparisonTests {
  private typealias Span = StepRows.Span

  /// What a module makes of a token: a row of two values that no other token has.
  private static func value(_ request: Int, _ position: Int) -> [Float] {
    [Float(request * 1000 + position), Float(position) / 8]
  }

  /// Adds a step with a flat token axis, or with a batch axis where the spans are of one length.
  private func add(
    _ spans: [Span], step: Int, to run: inout InMemoryRun, batch: Int? = nil,
    modules: [String] = ["embed", "norm"],
    change: (String, Int, Int) -> Float = { _, _, _ in 0 }
  ) throws {
    let count = spans.reduce(0) { $0 + $1.count }
    let leading = batch.map { [$0, count / $0] } ?? [count]
    for module in modules {
      let rows: [[Float]] = spans.flatMap { span in
        (0..<span.count).map { offset -> [Float] in
          guard let request = span.request else { return [-7, -7] }
          let position = span.position + offset
          return Self.value(request, position).map { $0 + change(module, request, position) }
        }
      }
      run.add(
        try Tensor(Array(rows.joined()), dtype: .float32, shape: Shape(leading + [2])), step: step,
        module, "outputs")
    }
    run.tell(StepRows(layouts: [StepRows.Layout(shape: leading, spans: spans)]), ofStep: step)
  }

  /// Request 0 of 5 tokens, then request 1 of 3, one after the other, with a batch axis.
  private func alone() throws -> InMemoryRun {
    var run = InMemoryRun(path: "alone")
    try add([Span(request: 0, position: 0, count: 5)], step: 0, to: &run, batch: 1)
    try add([Span(request: 1, position: 0, count: 3)], step: 1, to: &run, batch: 1)
    return run
  }

  /// Both together, cut after 4 tokens.
  private func chunked(
    _ change: (String, Int, Int) -> Float = { _, _, _ in 0 }
  ) throws -> InMemoryRun {
    var run = InMemoryRun(path: "chunked")
    try add([Span(request: 0, position: 0, count: 4)], step: 0, to: &run, change: change)
    try add(
      [Span(request: 0, position: 4), Span(request: 1, position: 0, count: 3)], step: 1, to: &run,
      change: change)
    return run
  }

  private var exact: ComparisonOptions {
    get throws { ComparisonOptions(tolerance: try Tolerance(rtol: 0, atol: 0)) }
  }

  @Test func rowsMeetWhateverTheSteps() throws {
    for (actual, expected) in [(try chunked(), try alone()), (try alone(), try chunked())] {
      let comparison = try RunComparison.compare(
        actual: actual, expected: expected, options: exact)
      #expect(comparison.isMatch, "\(comparison.failures)")
      #expect(comparison.summary.elements.compared == 2 * 8 * 2)
      #expect(comparison.rows?.compared == 8)
      #expect(comparison.notes.contains { $0.contains("8 in both runs") })
    }
  }

  @Test func aRowThatDiffersIsNamed() throws {
    let actual = try chunked { module, request, position in
      module == "norm" && request == 1 && position >= 1 ? 0.5 : 0
    }
    let comparison = try RunComparison.compare(actual: actual, expected: alone(), options: exact)
    #expect(!comparison.isMatch)
    #expect(comparison.firstDivergence?.call.module == "norm")
    let found = try #require(comparison.firstDifferingRows)
    #expect(found.row.request == 1 && found.row.position == 1)
    #expect(found.differing == 2 && found.count == 3)
    #expect(found.errors.map(\.positions) == [[0, 1, 2]])
    // The norm of (0.5, 0.5) over those of (1001, 1/8) and (1002, 2/8).
    #expect(
      abs(found.errors[0].errors[1] - 0.5.squareRoot() / (1001.0 * 1001 + 1 / 64.0).squareRoot())
        < 1e-12)
    #expect(
      abs(found.errors[0].errors[2] - 0.5.squareRoot() / (1002.0 * 1002 + 1 / 16.0).squareRoot())
        < 1e-12)
    #expect(
      comparison.notes.contains {
        $0.contains("norm, outputs: 2 of 3 rows (66.7 %), the first at position 1 of request 1,")
      })
  }

  @Test func aCachedPrefixIsNotComputedAndNotMissing() throws {
    var actual = InMemoryRun(path: "cached")
    try add([Span(request: 0, position: 3, count: 2)], step: 0, to: &actual)
    let comparison = try RunComparison.compare(actual: actual, expected: alone(), options: exact)
    #expect(comparison.isMatch, "\(comparison.failures)")
    let rows = try #require(comparison.rows)
    #expect(rows.compared == 2 && rows.notComputedInActual == 6)
    #expect(rows.notComputedInExpected == 0)
  }

  @Test func paddingIsNoRow() throws {
    var actual = InMemoryRun(path: "padded")
    try add(
      [
        Span(request: 0, position: 0, count: 5), Span(request: nil, count: 2),
        Span(request: 1, position: 0, count: 3),
      ], step: 0, to: &actual, batch: 2)
    let comparison = try RunComparison.compare(actual: actual, expected: alone(), options: exact)
    #expect(comparison.isMatch, "\(comparison.failures)")
    #expect(comparison.rows?.paddingInActual == 2 && comparison.rows?.compared == 8)
    // The same steps with padding are compared by rows too.
    let same = try RunComparison.compare(actual: actual, expected: actual, options: exact)
    #expect(same.rows?.paddingInExpected == 2 && same.isMatch)
    #expect(same.summary.elements.compared == 2 * 8 * 2)
  }

  @Test func runsWithoutACommonRowFail() throws {
    var actual = InMemoryRun(path: "other")
    try add([Span(request: 3, position: 0, count: 5)], step: 0, to: &actual)
    let comparison = try RunComparison.compare(actual: actual, expected: alone(), options: exact)
    #expect(!comparison.isMatch)
    #expect(comparison.failures.contains(.noCommonRows))
    // Under the expected run's number they meet; the other request takes no part.
    var options = try exact
    options.requestMap = [(actual: 3, expected: 0)]
    var own = InMemoryRun(path: "own")
    try add([Span(request: 3, position: 0, count: 5)], step: 0, to: &own) { _, _, _ in -3000 }
    let mapped = try RunComparison.compare(actual: own, expected: alone(), options: options)
    #expect(mapped.rows?.compared == 5 && mapped.rows?.notComputedInActual == 0)
    // Its first value is off by nothing, its second by 3000.
    #expect(!mapped.isMatch)
  }

  @Test func aModuleThatLacksARowThatWasComputedFails() throws {
    var actual = InMemoryRun(path: "lacking")
    try add([Span(request: 0, position: 0, count: 4)], step: 0, to: &actual)
    try add(
      [Span(request: 0, position: 4), Span(request: 1, position: 0, count: 3)], step: 1,
      to: &actual, modules: ["embed"])
    let comparison = try RunComparison.compare(actual: actual, expected: alone(), options: exact)
    #expect(!comparison.isMatch)
    let norm = try #require(comparison.steps[0].modules.first { $0.call.module == "norm" })
    #expect(norm.tensors[0].verdict == .unreadable)
    #expect(
      norm.tensors[0].reason?.contains(
        "computed 1 of its rows in steps without this tensor, the first at position 4 of request 0")
        ?? false)
    #expect(
      comparison.steps[1].modules.first { $0.call.module == "norm" }?.verdict.isFailure ?? false)
  }

  /// Logits of the last row only are held against those of all rows.
  @Test func layoutsThatHoldFewerRowsAreComparedWhereTheyMeet() throws {
    var actual = try chunked()
    var expected = try alone()
    let last: [(Int, [Span])] = [
      (0, [Span(request: 0, position: 3)]),
      (1, [Span(request: 0, position: 4), Span(request: 1, position: 2)]),
    ]
    for (step, spans) in last {
      let values = spans.flatMap { Self.value($0.request ?? 0, $0.position) }
      actual.add(
        try Tensor(values, dtype: .float32, shape: Shape([spans.count, 2])), step: step, "lm_head",
        "outputs")
    }
    actual.tell(
      StepRows(layouts: [
        StepRows.Layout(shape: [4], spans: [Span(request: 0, position: 0, count: 4)]),
        StepRows.Layout(shape: [1], spans: last[0].1),
      ]), ofStep: 0)
    actual.tell(
      StepRows(layouts: [
        StepRows.Layout(
          shape: [4],
          spans: [Span(request: 0, position: 4), Span(request: 1, position: 0, count: 3)]),
        StepRows.Layout(shape: [2], spans: last[1].1),
      ]), ofStep: 1)
    for (step, count, request) in [(0, 5, 0), (1, 3, 1)] {
      let values = (0..<count).flatMap { Self.value(request, $0) }
      expected.add(
        try Tensor(values, dtype: .float32, shape: Shape([1, count, 2])), step: step, "lm_head",
        "outputs")
      expected.tell(
        StepRows(layouts: [
          StepRows.Layout(
            shape: [1, count], spans: [Span(request: request, position: 0, count: count)])
        ]), ofStep: step)
    }
    let comparison = try RunComparison.compare(actual: actual, expected: expected, options: exact)
    #expect(comparison.isMatch, "\(comparison.failures) \(comparison.notes)")
    #expect(comparison.rows?.compared == 8 && comparison.rows?.notComputedInExpected == 0)
    #expect(
      comparison.notes.contains {
        $0.contains("2 tensors were compared for fewer rows")
          && $0.contains("step 0 lm_head outputs on cpu, 2 of 5 rows")
      }, "\(comparison.notes)")
    let logits = comparison.steps.flatMap(\.modules).filter { $0.call.module == "lm_head" }
    #expect(logits.map { $0.tensors[0].rows?.rows.map(\.position) } == [[3, 4], [2]])
  }

  @Test func aTensorWithoutRowsInOtherStepsIsNotPassedOver() throws {
    var (actual, expected) = (try chunked(), try alone())
    for step in 0..<2 {
      let table = try Tensor([1, 2, 3] as [Float], dtype: .float32)
      actual.add(table, step: step, "rotary", "outputs")
      expected.add(table, step: step, "rotary", "outputs")
    }
    for step in 0..<2 {
      actual.tell(try #require(chunked().steps[step].rows), ofStep: step)
      expected.tell(try #require(alone().steps[step].rows), ofStep: step)
    }
    let comparison = try RunComparison.compare(actual: actual, expected: expected, options: exact)
    #expect(!comparison.isMatch)
    let rotary = try #require(comparison.steps[0].modules.first { $0.call.module == "rotary" })
    #expect(rotary.tensors[0].reason?.contains("shape [3] holds no rows") ?? false)
  }

  /// A server is stopped rather than ended: the rows that it computed are compared.
  @Test func aRunThatWasCutIsComparedForTheRowsThatItHas() throws {
    var actual = try chunked()
    actual.manifest.isComplete = false
    let comparison = try RunComparison.compare(actual: actual, expected: alone(), options: exact)
    #expect(comparison.isMatch, "\(comparison.failures)")
    #expect(comparison.notes.contains { $0.contains("was cut while it was recorded") })
    var bySteps = try exact
    bySteps.alignment = .steps
    let other = try RunComparison.compare(actual: actual, expected: actual, options: bySteps)
    #expect(!other.isMatch)
  }

  /// A run that stopped too early is not one whose rows are merely not computed.
  @Test func aStepLessIsMissingWhereTheOthersHoldTheSameRows() throws {
    var short = InMemoryRun(path: "short")
    try add([Span(request: 0, position: 0, count: 5)], step: 0, to: &short, batch: 1)
    for (actual, expected) in [(short, try alone()), (try alone(), short)] {
      let comparison = try RunComparison.compare(
        actual: actual, expected: expected, options: exact)
      #expect(!comparison.isMatch && comparison.rows == nil)
      #expect(comparison.summary.steps.missing == 1)
    }
  }

  @Test func equalStepsOfOtherNumbersAreComparedByRows() throws {
    var actual = InMemoryRun(path: "late")
    try add([Span(request: 0, position: 0, count: 5)], step: 5, to: &actual, batch: 1)
    try add([Span(request: 1, position: 0, count: 3)], step: 6, to: &actual, batch: 1)
    let comparison = try RunComparison.compare(actual: actual, expected: alone(), options: exact)
    #expect(comparison.isMatch && comparison.rows?.compared == 8)
    #expect(comparison.steps.map(\.index) == [0, 1])
  }

  /// One step of several that holds other rows is enough.
  @Test func oneStepThatIsCutOtherwiseIsEnough() throws {
    func run(_ path: String, _ ends: [Int]) throws -> InMemoryRun {
      var run = InMemoryRun(path: path)
      for (step, (start, end)) in zip([0] + ends, ends).enumerated() {
        try add([Span(request: 0, position: start, count: end - start)], step: step, to: &run)
      }
      return run
    }
    let comparison = try RunComparison.compare(
      actual: run("a", [2, 6]), expected: run("e", [2, 4, 6]), options: exact)
    #expect(comparison.isMatch, "\(comparison.failures)")
    #expect(comparison.rows?.compared == 6)
  }

  /// A run that tells how large some of its tensors are.
  private struct SizedRun: RunReader {
    var run: InMemoryRun
    var path: String { run.path }
    var manifest: RunManifest { run.manifest }
    var steps: [StepRecord] { run.steps }
    func tensor(_ key: TensorKey) throws -> Tensor { try run.tensor(key) }
    func byteCount(of key: TensorKey) -> Int? { key.module == "sized" ? 100 : nil }
  }

  /// 2^18 rows, and one for each byte: those that are told, of 128 floats of a digest, and those that
  /// there are; a tensor of one element a thousand times has four.
  @Test func rowsAreBoundedByBytes() throws {
    let limit = (1 << 18) + 100 + 512 + 8 + 4
    func run(_ count: Int) throws -> SizedRun {
      var run = InMemoryRun(path: "r")
      let two = try Tensor([1, 2] as [Float], dtype: .float32)
      run.add(two, "sized", "outputs")
      run.add(two, "plain", "outputs")
      run.add(
        try Tensor(
          storage: Tensor([1 as Float], dtype: .float32).storage, dtype: .float32,
          shape: .vector(1000), strides: [0]), "repeated", "outputs")
      run.add(nil, "lost", "outputs")
      let note = { (digest: TensorDigest?) in
        SkippedTensor(
          dtype: .float32, shape: .vector(2), device: .cpu, reason: "too large", digest: digest)
      }
      run.add(nil, "digested", "outputs", skipped: note(TensorDigest(of: two)))
      run.add(nil, "skipped", "outputs", skipped: note(nil))
      run.addNotRecorded("unseen", "outputs", reason: "it was hidden")
      run.tell(
        StepRows(layouts: [.init(shape: [count], spans: [Span(request: nil, count: count)])]))
      return SizedRun(run: run)
    }
    let largest = try run(limit)
    let comparison = try RunComparison.compare(
      actual: largest, expected: largest, options: exact)
    #expect(comparison.rows?.paddingInActual == limit)
    let tooLarge = try run(limit + 1)
    #expect(
      throws: ComparisonError.unusableRows(
        path: "r", step: 0,
        reason:
          "it tells of more rows than the \(limit) that its tensors may have; align by steps, "
          + "or record the run again")
    ) { try RunComparison.compare(actual: tooLarge, expected: tooLarge, options: exact) }
  }

  /// A run without steps has none that are cut otherwise.
  @Test func emptyRunsAreComparedBySteps() throws {
    let empty = InMemoryRun(path: "empty")
    for (actual, expected) in [(empty, try alone()), (try alone(), empty), (empty, empty)] {
      let comparison = try RunComparison.compare(
        actual: actual, expected: expected, options: exact)
      #expect(comparison.rows == nil && comparison.failures == [.nothingCompared])
    }
  }

  @Test func aFloorIsReadBySteps() throws {
    var options = try exact
    options.floor = try alone()
    let comparison = try RunComparison.compare(
      actual: chunked(), expected: alone(), options: options)
    #expect(comparison.rows == nil && !comparison.isMatch)
    options.alignment = .rows
    #expect(
      throws: ComparisonError.cannotAlignRows(
        reason: "a noise floor is read by steps; align by steps")
    ) { try RunComparison.compare(actual: chunked(), expected: alone(), options: options) }
  }

  @Test func stepsHaveNoRequestsToMap() throws {
    var options = try exact
    options.alignment = .steps
    options.requestMap = [(actual: 0, expected: 0)]
    #expect(
      throws: ComparisonError.cannotAlignRows(
        reason: "requests are mapped, and steps have none: align by rows")
    ) { try RunComparison.compare(actual: alone(), expected: alone(), options: options) }
  }

  /// A step none of whose rows the other run computed is left out, and its rows are counted.
  @Test func aStepWithoutACommonRowIsLeftOut() throws {
    var actual = InMemoryRun(path: "first")
    try add([Span(request: 0, position: 0, count: 2)], step: 0, to: &actual)
    try add([Span(request: 0, position: 2, count: 3)], step: 1, to: &actual)
    let comparison = try RunComparison.compare(actual: actual, expected: alone(), options: exact)
    #expect(comparison.isMatch, "\(comparison.failures)")
    #expect(comparison.steps.map(\.index) == [0])
    #expect(comparison.rows?.compared == 5 && comparison.rows?.notComputedInActual == 3)
  }

  /// Rows of requests that are not mapped lie between those that are.
  @Test func requestsThatAreNotMappedTakeNoPart() throws {
    var actual = InMemoryRun(path: "many")
    try add(
      [
        Span(request: 7, position: 0, count: 2), Span(request: 3, position: 0, count: 2),
        Span(request: 7, position: 2), Span(request: 2, position: 0),
        Span(request: 3, position: 2),
      ], step: 0, to: &actual
    ) { _, request, _ in request == 3 ? -3000 : request == 2 ? -1000 : 0 }
    var spans = try #require(actual.steps[0].rows)
    spans.requestIDs = [7: "other", 3: "cmpl-3", 2: "theirs"]
    actual.tell(spans)
    var expected = InMemoryRun(path: "two")
    try add(
      [Span(request: 1, position: 0), Span(request: 0, position: 0, count: 3)], step: 0,
      to: &expected
    ) { _, _, _ in 0 }
    spans = try #require(expected.steps[0].rows)
    spans.requestIDs = [1: "ours"]
    expected.tell(spans)
    var options = try exact
    options.requestMap = [(actual: 3, expected: 0), (actual: 2, expected: 1)]
    options.modules = [try ModulePattern("embed")]
    let comparison = try RunComparison.compare(
      actual: actual, expected: expected, options: options)
    let rows = try #require(comparison.rows)
    #expect(rows.compared == 4 && rows.notComputedInExpected == 0 && rows.notComputedInActual == 0)
    #expect(rows.requestIDs == [0: "cmpl-3", 1: "ours"])
    let embed = try #require(comparison.tensor("embed", "outputs"))
    #expect(
      embed.rows?.rows == [
        Row(request: 1, position: 0), Row(request: 0, position: 0), Row(request: 0, position: 1),
        Row(request: 0, position: 2),
      ])
    // The first value of each row is right; of the second the shift is too much.
    #expect(embed.difference?.mismatchedCount == 4 && embed.difference?.maxAbs?.value == 3000)
    // Told without a map, the names are those of the run's own numbers.
    var own = try exact
    own.alignment = .rows
    let same = try RunComparison.compare(actual: actual, expected: actual, options: own)
    #expect(same.isMatch)
    #expect(same.rows?.requestIDs == [7: "other", 3: "cmpl-3", 2: "theirs"])
  }

  /// Padding counts once, however many layouts tell of it.
  @Test func paddingIsCountedOnce() throws {
    var run = InMemoryRun(path: "padded")
    let spans = [Span(request: nil, count: 1), Span(request: 0, position: 0, count: 2)]
    try add(spans, step: 0, to: &run)
    run.tell(
      StepRows(layouts: [
        StepRows.Layout(shape: [3], spans: spans), StepRows.Layout(shape: [1, 3], spans: spans),
      ]))
    let comparison = try RunComparison.compare(actual: run, expected: run, options: exact)
    #expect(comparison.isMatch && comparison.rows?.compared == 2)
    #expect(comparison.rows?.paddingInActual == 1 && comparison.rows?.paddingInExpected == 1)
  }

  /// Lists are equal where rows and lacking rows are.
  @Test func listsDifferInWhatTheyLackToo() {
    let (first, second) = (Row(request: 0, position: 0), Row(request: 0, position: 1))
    #expect(RowList([first], lacking: [second]) == RowList([first], lacking: [second]))
    #expect(RowList([first]) != RowList([first], lacking: [second]))
    #expect(RowList([first], lacking: [second]) != RowList([second], lacking: [second]))
  }

  @Test func rowsComputedTwiceAreCounted() throws {
    var actual = try alone()
    try add([Span(request: 0, position: 0, count: 5)], step: 2, to: &actual, batch: 1)
    var options = try exact
    options.alignment = .rows
    let comparison = try RunComparison.compare(actual: actual, expected: alone(), options: options)
    #expect(comparison.rows?.againInActual == 5 && comparison.rows?.compared == 8)
    #expect(comparison.isMatch, "\(comparison.failures)")
  }

  @Test func whatCannotBeAlignedIsSaid() throws {
    var bare = InMemoryRun(path: "bare")
    bare.add(
      try Tensor([1, 2] as [Float], dtype: .float32, shape: Shape([1, 2])), "norm", "outputs")
    var options = try exact
    options.alignment = .rows
    #expect(throws: ComparisonError.self) {
      try RunComparison.compare(actual: bare, expected: alone(), options: options)
    }
    // Unasked, such runs are compared by steps.
    let comparison = try RunComparison.compare(actual: bare, expected: bare)
    #expect(comparison.rows == nil && comparison.isMatch)
    var twice = InMemoryRun(path: "twice")
    try add(
      [Span(request: 0, position: 0, count: 2), Span(request: 0, position: 1, count: 2)], step: 0,
      to: &twice)
    #expect(
      throws: ComparisonError.unusableRows(
        path: "twice", step: 0, reason: "row 1 of request 0 is there twice")
    ) { try RunComparison.compare(actual: twice, expected: alone(), options: exact) }
    // Of so many rows the few bytes of the tensors are not.
    var endless = InMemoryRun(path: "endless")
    try add([Span(request: 0, position: 0, count: 2)], step: 0, to: &endless)
    endless.tell(
      StepRows(layouts: [
        StepRows.Layout(
          shape: [1 << 24], spans: [Span(request: 0, position: 0, count: 1 << 24)])
      ]), ofStep: 0)
    #expect(
      throws: ComparisonError.unusableRows(
        path: "endless", step: 0,
        reason: "it tells of more rows than the 262176 that its tensors may have; align by steps, "
          + "or record the run again")
    ) { try RunComparison.compare(actual: endless, expected: alone(), options: exact) }
    var both = try exact
    both.alignment = .steps
    let bySteps = try RunComparison.compare(actual: chunked(), expected: alone(), options: both)
    #expect(bySteps.rows == nil && !bySteps.isMatch)
  }
}
