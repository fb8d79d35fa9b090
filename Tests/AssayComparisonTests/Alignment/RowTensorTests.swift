import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

@testable import AssayComparison

/// How tensors are cut into the steps of the other run: what cannot be joined is no match.
@Suite struct RowTensorTests {
  typealias Span = StepRows.Span

  private static func span(_ positions: Range<Int>, request: Int = 0) -> Span {
    Span(request: request, position: positions.lowerBound, count: positions.count)
  }

  /// A run of such steps, to each of which `body` adds what its modules made.
  private func run(
    _ path: String, _ steps: [[Span]],
    _ body: (inout InMemoryRun, _ step: Int, _ spans: [Span]) throws -> Void
  ) throws -> InMemoryRun {
    var run = InMemoryRun(path: path)
    for (step, spans) in steps.enumerated() {
      try body(&run, step, spans)
      let count = spans.reduce(0) { $0 + $1.count }
      run.tell(StepRows(layouts: [.init(shape: [count], spans: spans)]), ofStep: step)
    }
    return run
  }

  /// A row of two values for each token, which no other token has.
  private func tensor(_ spans: [Span]) throws -> Tensor {
    let rows = spans.flatMap { span in
      (0..<span.count).flatMap { offset -> [Float] in
        let position = span.position + offset
        return [Float((span.request ?? 9) * 1000 + position), Float(position) / 8]
      }
    }
    return try Tensor(rows, dtype: .float32, shape: Shape([rows.count / 2, 2]))
  }

  private func compare(
    _ actual: any RunReader, _ expected: any RunReader, mapping: Mapping? = nil
  ) throws -> RunComparison {
    var options = ComparisonOptions(tolerance: .exact, mapping: mapping)
    options.alignment = .rows
    return try RunComparison.compare(actual: actual, expected: expected, options: options)
  }

  private let whole = [[span(0..<4)]]
  private let halves = [[span(0..<2)], [span(2..<4)]]

  private func table(_ run: inout InMemoryRun, _ step: Int) throws {
    run.add(
      try Tensor((0..<7).map(Float.init), dtype: .float32), step: step, "rotary", "outputs")
  }

  // MARK: - Joining

  /// The bits of the pieces would be those of the whole.
  @Test func piecesOfAnotherDTypeOrShapeAreNotJoined() throws {
    let values = (0..<24).map(Float.init)
    let expected = try run("e", whole) { run, step, _ in
      run.add(
        try Tensor(values, dtype: .float32, shape: Shape([4, 2, 3])), step: step, "m", "outputs")
    }
    let retyped = try run("a", halves) { run, step, _ in
      let half = Array(values[step * 12..<(step + 1) * 12])
      let shape = try Shape([2, 2, 3])
      run.add(
        step == 0
          ? try Tensor(half, dtype: .float32, shape: shape)
          : try Tensor(half.map { Int32(bitPattern: $0.bitPattern) }, dtype: .int32, shape: shape),
        step: step, "m", "outputs")
    }
    let reshaped = try run("a", halves) { run, step, _ in
      run.add(
        try Tensor(
          Array(values[step * 12..<(step + 1) * 12]), dtype: .float32,
          shape: Shape(step == 0 ? [2, 2, 3] : [2, 3, 2])), step: step, "m", "outputs")
    }
    for actual in [retyped, reshaped] {
      let comparison = try compare(actual, expected)
      #expect(comparison.tensor("m", "outputs")?.verdict == .unreadable)
      #expect(
        comparison.tensor("m", "outputs")?.reason?.contains(
          "its rows have another shape or dtype in one step than in another") == true)
      #expect(!comparison.isMatch)
    }
  }

  @Test func piecesOfOneByteAreJoined() throws {
    func mask(_ path: String, _ steps: [[Span]], _ last: Bool) throws -> InMemoryRun {
      try run(path, steps) { run, step, spans in
        let positions = spans.flatMap { $0.position..<$0.position + $0.count }
        run.add(
          try Tensor(positions.map { $0 < 2 || last }, dtype: .bool), step: step, "m", "outputs")
      }
    }
    let single = (0..<3).map { [Self.span($0..<$0 + 1)] }
    let expected = try mask("e", [[Self.span(0..<3)]], true)
    #expect(try compare(mask("a", single, true), expected).isMatch)
    let other = try compare(mask("a", single, false), expected)
    #expect(other.tensor("m", "outputs")?.difference?.mismatchedCount == 1)
    // Of one with more rows those that both have are taken out.
    let fewer = try compare(mask("a", [[Self.span(1..<3)]], true), expected)
    #expect(fewer.isMatch && fewer.summary.elements.compared == 2)
  }

  /// Rows along another axis than the first, among three.
  @Test func rowsOfAnyAxisArePutFirst() throws {
    let value = { (token: Int, a: Int, b: Int) in Float(token * 100 + a * 10 + b) }
    func run(_ path: String, axis: Int, _ steps: [[Span]]) throws -> InMemoryRun {
      var run = InMemoryRun(path: path)
      for (step, spans) in steps.enumerated() {
        let tokens = Array(spans[0].position..<spans[0].position + spans[0].count)
        let values =
          axis == 0
          ? tokens.flatMap { t in (0..<2).flatMap { a in (0..<3).map { value(t, a, $0) } } }
          : (0..<2).flatMap { a in tokens.flatMap { t in (0..<3).map { value(t, a, $0) } } }
        let shape = axis == 0 ? [tokens.count, 2, 3] : [2, tokens.count, 3]
        run.add(
          try Tensor(values, dtype: .float32, shape: Shape(shape)), step: step, "m", "outputs")
        run.tell(
          StepRows(layouts: [.init(shape: [tokens.count], axes: [axis], spans: spans)]),
          ofStep: step)
      }
      return run
    }
    // Neither part has as many tokens as another axis has entries.
    let parts = [[Self.span(0..<4)], [Self.span(4..<9)]]
    let comparison = try compare(
      run("a", axis: 1, parts), run("e", axis: 0, [[Self.span(0..<9)]]))
    #expect(comparison.isMatch, "\(comparison.failures)")
    #expect(comparison.summary.elements.compared == 9 * 2 * 3)
  }

  /// The first element that differs is told in the expected run's order, whatever was joined.
  @Test func piecesAreJoinedInTheOrderOfSteps() throws {
    let expected = try run("e", halves) { run, step, spans in
      run.add(try tensor(spans), step: step, "m", "outputs")
    }
    let actual = try run("a", whole) { run, step, spans in
      var values = try tensor(spans).float32Values()
      values[2] += 1
      run.add(
        try Tensor(values, dtype: .float32, shape: Shape([4, 2])), step: step, "m", "outputs")
    }
    let comparison = try compare(actual, expected)
    let found = try #require(comparison.tensor("m", "outputs"))
    #expect(found.difference?.mismatchedCount == 1)
    #expect(found.difference?.firstMismatchIndex == 2)
    #expect(found.rows?.rows.map(\.position) == [0, 1, 2, 3])
    #expect(comparison.notes.contains { $0.contains("steps are the actual run's") })
    let turned = try compare(expected, actual)
    #expect(turned.notes.allSatisfy { !$0.contains("steps are the actual run's") })
  }

  // MARK: - Tensors without rows

  /// Where either side computed more than what is compared, a tensor that tells no rows may be
  /// of other work, although its values are the same here.
  @Test(
    arguments: [
      ([[span(0..<4)]], [[span(0..<4)]], true),
      // The same number of rows, of which some are others.
      ([[span(2..<6)]], [[span(0..<4)]], false), ([[span(0..<4)]], [[span(0..<2)]], false),
      ([[span(0..<2)]], [[span(0..<4)]], false),
      // Two steps, of which the first alone has as many rows and the tensor.
      ([[span(0..<4)]], [[span(0..<2, request: 1), span(0..<2)], [span(2..<4)]], false),
    ] as [([[Span]], [[Span]], Bool)])
  func aTensorWithoutRowsNeedsTheSameWork(
    actual: [[Span]], expected: [[Span]], matches: Bool
  ) throws {
    func model(_ path: String, _ steps: [[Span]]) throws -> InMemoryRun {
      try run(path, steps) { run, step, spans in
        if step == 0 { try table(&run, step) }
        run.add(try tensor(spans), step: step, "norm", "outputs")
      }
    }
    let comparison = try compare(model("a", actual), model("e", expected))
    #expect(comparison.isMatch == matches)
    #expect(comparison.tensor("norm", "outputs")?.verdict == .match)
    let rotary = try #require(comparison.tensor("rotary", "outputs"))
    #expect(rotary.verdict == (matches ? .match : .unreadable))
    #expect(rotary.rows == nil)
  }

  /// A layout fits only where all its axes do.
  @Test func shapesThatFitInPartHaveNoRows() throws {
    func model(_ path: String) throws -> InMemoryRun {
      var run = InMemoryRun(path: path)
      for (name, shape) in [
        ("rows", [1, 4, 2]), ("short", [1]), ("wide", [1, 7]), ("tall", [3, 4]),
      ] {
        let count = shape.reduce(1, *)
        run.add(
          try Tensor((0..<count).map(Float.init), dtype: .float32, shape: Shape(shape)), name,
          "outputs")
      }
      run.tell(StepRows(layouts: [.init(shape: [1, 4], spans: whole[0])]))
      return run
    }
    let comparison = try compare(model("a"), model("e"))
    #expect(comparison.isMatch, "\(comparison.failures)")
    for (name, count) in [("rows", 4), ("short", nil), ("wide", nil), ("tall", nil)] {
      let tensor = try #require(comparison.tensor(name, "outputs"))
      #expect(tensor.verdict == .match && tensor.rows?.rows.count == count, "\(name)")
    }
  }

  /// Of the last row only, where the expected run's is one that the actual run did not compute.
  @Test func aTensorWithoutACommonRowIsNotComputed() throws {
    func model(_ path: String, _ count: Int) throws -> InMemoryRun {
      var run = InMemoryRun(path: path)
      let spans = [Self.span(0..<count)]
      let last = [Self.span(count - 1..<count)]
      run.add(try tensor(spans), "norm", "outputs")
      run.add(try tensor(last), "lm_head", "outputs")
      run.tell(
        StepRows(layouts: [.init(shape: [count], spans: spans), .init(shape: [1], spans: last)]))
      return run
    }
    for (ours, theirs) in [(3, 4), (4, 3)] {
      let comparison = try compare(model("a", ours), model("e", theirs))
      #expect(comparison.tensor("lm_head", "outputs")?.verdict == .notComputed)
      #expect(comparison.tensor("norm", "outputs")?.verdict == .match)
      #expect(comparison.isMatch && comparison.rows?.compared == 3)
    }
  }

  // MARK: - What is not stored

  private func note(_ shape: [Int], digestOf tensor: Tensor? = nil) throws -> SkippedTensor {
    SkippedTensor(
      dtype: .float32, shape: try Shape(shape), device: .cpu, reason: "too large",
      digest: tensor.map { TensorDigest(of: $0, withSample: false) })
  }

  /// The call has a tensor before it and one after it.
  private func skipping(
    _ path: String, _ steps: [[Span]], _ skips: (Int) -> Bool, change: Float = 0
  ) throws -> InMemoryRun {
    try run(path, steps) { run, step, spans in
      var values = try tensor(spans).float32Values()
      values[0] += change
      let shape = try Shape([values.count / 2, 2])
      run.add(try Tensor(values, dtype: .float32, shape: shape), step: step, "m", "inputs_0")
      if skips(step) {
        run.add(nil, step: step, "m", "outputs_0", skipped: try note([9]))
      } else {
        run.add(try tensor(spans), step: step, "m", "outputs_0")
      }
      run.add(try tensor(spans), step: step, "m", "outputs_1")
    }
  }

  @Test func whatBothSkippedIsSkipped() throws {
    for steps in [whole, halves] {
      let comparison = try compare(
        skipping("a", halves) { _ in true }, skipping("e", steps) { _ in true })
      #expect(comparison.isMatch, "\(comparison.failures)")
      let verdicts = comparison.steps.flatMap(\.modules).map { $0.tensors.map(\.verdict) }
      #expect(Set(verdicts) == [[.match, .skipped, .match]])
    }
    let other = try compare(
      skipping("a", halves, { _ in true }, change: 1), skipping("e", whole) { _ in true })
    #expect(other.steps[0].modules[0].tensors.map(\.verdict) == [.values, .skipped, .match])
  }

  /// What one of the joined steps lacks the whole lacks.
  @Test(arguments: [0, 1]) func whatOneStepSkippedIsMissing(step: Int) throws {
    let comparison = try compare(
      skipping("a", halves) { $0 == step }, skipping("e", whole) { _ in false })
    #expect(
      comparison.steps[0].modules[0].tensors.map(\.verdict) == [.match, .missingInActual, .match])
    #expect(!comparison.isMatch)
  }

  /// Equal digests of whole tensors are none of the rows that both have.
  @Test func digestsHaveNoRows() throws {
    func model(_ path: String, _ steps: [[Span]]) throws -> InMemoryRun {
      try run(path, steps) { run, step, spans in
        let value = try tensor(spans)
        run.add(value, step: step, "m", "inputs_0")
        run.add(
          nil, step: step, "m", "outputs",
          skipped: try note(value.shape.dimensions, digestOf: value))
      }
    }
    for steps in [whole, halves] {
      let comparison = try compare(model("a", steps), model("e", whole))
      let found = try #require(comparison.tensor("m", "outputs"))
      #expect(found.verdict == .notRecorded)
      #expect(
        found.reason?.contains("only its digest is kept, which has no rows") == true)
      #expect(!comparison.isMatch)
    }
  }

  // MARK: - Orders

  /// A run that says in which order its calls completed, or that it does not know.
  private struct Ordered: RunReader {
    var run: InMemoryRun
    /// Of each step.
    var orders: [(completion: [Int], isRecorded: Bool)]
    var path: String { run.path }
    var manifest: RunManifest { run.manifest }
    var steps: [StepRecord] {
      zip(run.steps, orders).map { step, order in
        var step = step
        step.completionOrder = order.completion
        step.isOrderRecorded = order.isRecorded
        return step
      }
    }
    func tensor(_ key: TensorKey) throws -> Tensor { try run.tensor(key) }
  }

  private func model(_ path: String, _ steps: [[Span]], _ modules: [[String]]) throws
    -> InMemoryRun
  {
    try run(path, steps) { run, step, spans in
      for module in modules[step] {
        run.add(try tensor(spans), step: step, module, "outputs")
      }
    }
  }

  /// Calls come in the order of the first step that has them; a position that no call has is none.
  @Test(arguments: [nil, "rules: [{actual: z, expected: z}]"])
  func callsKeepTheOrderOfTheirFirstStep(mapping: String?) throws {
    let names = ["z", "a", "b", "c"]
    let expected = Ordered(
      run: try model("e", halves, [names, ["d"] + names]),
      orders: [([2, 99, 3, 1, 0], true), ([1, 0, 2, 3, 4, 99], true)])
    let mapping = try mapping.map { try Mapping(yaml: $0) }
    let actual = try model("a", whole, [names])
    let comparison = try compare(actual, expected, mapping: mapping)
    #expect(comparison.steps[0].modules.map(\.call.module) == ["b", "c", "a", "z", "d"])
    #expect(comparison.steps[0].modules.map(\.verdict).prefix(4).allSatisfy { $0 == .match })
    #expect(comparison.module("d")?.verdict == .missingInActual)
  }

  /// A module is blamed only where all of the joined steps show what it was given; a cache that later
  /// steps find filled was filled by the first.
  @Test(
    arguments: [
      ([.all, .all], true), ([.all, .partial], false), ([.partial, .all], false),
      ([.state, .filledState], true),
    ] as [([InputCoverage], Bool)])
  func everyStepMustShowItsInputs(coverage: [InputCoverage], isBlamed: Bool) throws {
    func model(_ path: String, _ steps: [[Span]], _ result: Float) throws -> InMemoryRun {
      var run = InMemoryRun(path: path)
      for (step, spans) in steps.enumerated() {
        let values = try tensor(spans)
        run.add(values, step: step, "m", "inputs_0")
        run.add(
          try Tensor(
            values.float32Values().map { $0 + result }, dtype: .float32, shape: values.shape),
          step: step, "m", "outputs")
        if steps.count > 1 { run.cover(step: step, "m", coverage[step]) }
        let count = values.shape.dimensions[0]
        run.tell(StepRows(layouts: [.init(shape: [count], spans: spans)]), ofStep: step)
      }
      return run
    }
    let comparison = try compare(model("a", whole, 1), model("e", halves, 0))
    #expect(comparison.firstDivergence?.call.module == "m")
    #expect((comparison.firstDivergence?.origin.cause == .introduced) == isBlamed)
  }

  /// The order of joined steps is known where that of each is.
  @Test(arguments: [(true, true), (true, false), (false, true)])
  func orderIsKnownWhereEveryStepTellsIt(first: Bool, second: Bool) throws {
    let names = ["a", "b"]
    var actual = try model("a", whole, [names])
    actual.forgetOrder()
    actual.tell(StepRows(layouts: [.init(shape: [4], spans: whole[0])]))
    let expected = Ordered(
      run: try model("e", halves, [names, names]), orders: [([0, 1], first), ([0, 1], second)])
    let isSaid = try compare(actual, expected).notes.contains {
      $0.contains("neither run recorded the order")
    }
    #expect(isSaid == !(first && second))
  }
}
