import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

@Suite struct ToleranceFindingsTests {
  private func findings(
    _ rules: String, _ tensors: [(String, Tensor)]
  ) throws -> [ToleranceFinding] {
    var run = InMemoryRun(path: "run")
    for (module, tensor) in tensors { run.add(tensor, step: 0, module, "outputs") }
    return try ToleranceRules(yaml: "rules: [\(rules)]").findings(on: [run])
  }

  private func kinds(_ rules: String, _ tensor: Tensor) throws -> [ToleranceFinding.Kind] {
    try findings(rules, [("m", tensor)]).map(\.kind)
  }

  /// One ULP below 1000 is 6.1035e-5 in float32, 0.5 in float16 and 4 in bfloat16.
  @Test(arguments: [
    (DType.float32, "1.0e-4", "6.0e-5"), (.float16, "0.51", "0.49"), (.bfloat16, "4.1", "3.9"),
    (.float64, "1.2e-13", "1.1e-13"),
  ])
  func boundsBelowOneULPAreFound(dtype: DType, wide: String, tight: String) throws {
    let shape = try Shape([3])
    let tensor =
      switch dtype {
      case .float16: try Tensor([0x3C00, 0x63D0, 0xC200] as [UInt16], dtype: dtype, shape: shape)
      case .bfloat16: try Tensor([0x3F80, 0x447A, 0xC040] as [UInt16], dtype: dtype, shape: shape)
      case .float64: try Tensor([1, 1000, -3] as [Double], dtype: dtype, shape: shape)
      default: try Tensor([1, 1000, -3] as [Float], dtype: dtype, shape: shape)
      }
    #expect(try kinds("{module: m, rtol: 0, atol: \(wide)}", tensor).isEmpty)
    #expect(
      try kinds("{module: m, rtol: 0, atol: \(tight)}", tensor) == [.tighterThanOneULP])
    #expect(try kinds("{module: m, bound: max_abs <= \(wide)}", tensor).isEmpty)
    #expect(try kinds("{module: m, bound: max_abs <= \(tight)}", tensor) == [.tighterThanOneULP])
  }

  @Test func equalityIsANoteForFloatsAndRightForIntegers() throws {
    let exact = "{module: m, rtol: 0, atol: 0}"
    let found = try findings(exact, [("m", try rows([1, 2]))])
    #expect(found.map(\.kind) == [.asksForEquality])
    #expect(found.map(\.isNote) == [true])
    let ids = try Tensor([7, 8] as [Int64], dtype: .int64, shape: Shape([2]))
    #expect(try kinds(exact, ids).isEmpty)
  }

  /// Beside elements of 1000, rounding moves one of 1e-3 by up to 6e-5 in float32.
  @Test(arguments: [
    ("rtol: 1e-2, atol: 0", [ToleranceFinding.Kind.flakesNearZero]), ("rtol: 0.1, atol: 0", []),
    ("rtol: 1e-2, atol: 1e-4", []), ("rtol: 1e-2, atol: 0, outliers: 1", []),
    ("rtol: 1e-9, atol: 0", [.tighterThanOneULP]), ("bound: max_rel <= 1e-2", []),
  ])
  func anAtolOfZeroFlakesNearZero(criterion: String, found: [ToleranceFinding.Kind]) throws {
    let tensor = try rows([1000, -900, 0, 1e-3, 800, 700])
    #expect(try kinds("{module: m, \(criterion)}", tensor) == found)
    // Without elements near zero it is right.
    #expect(
      try !kinds("{module: m, \(criterion)}", rows([1000, 0, 900])).contains(.flakesNearZero))
  }

  @Test func aToleranceOfIntegersIsPointedOut() throws {
    let ids = try Tensor([7, 80] as [Int64], dtype: .int64, shape: Shape([2]))
    let found = try findings("{module: m, dtype: int64, rtol: 0, atol: 1}", [("m", ids)])
    #expect(found.map(\.kind) == [.toleratesIntegers])
    #expect(found.map(\.isNote) == [true])
    #expect(try kinds("{module: m, rtol: 0, atol: 1}", ids).isEmpty)
    #expect(try kinds("{module: m, dtype: int64, rtol: 0, atol: 0}", ids).isEmpty)
  }

  @Test func outlierBudgetsCountWhatTheyAllow() throws {
    // One element may be off by anything, so one ULP is no reason to flake.
    #expect(
      try kinds("{module: m, rtol: 0, atol: 1e-9, outliers: 1}", try rows([1, 2, 3])).isEmpty)
  }

  @Test(arguments: [
    ("rtol: 1, atol: 0", ToleranceFinding.Kind.passesZeros),
    ("bound: rel_l2 <= 1", .passesZeros),
    ("rtol: 0, atol: 1e39", .cannotFail),
    ("rtol: 0, atol: 0, outliers: 100%", .cannotFail),
    ("bound: cosine >= -1", .cannotFail),
  ])
  func rulesThatHideADeadModuleAreFound(criterion: String, kind: ToleranceFinding.Kind) throws {
    #expect(try kinds("{module: m, \(criterion)}", try rows([1, -2, 3])) == [kind])
  }

  @Test func everyDTypeHasExtremes() throws {
    for dtype in DType.allCases {
      let bytes = dtype.byteCount * 2
      let tensor = try Tensor(
        storage: Storage(byteCount: bytes) { $0.initializeMemory(as: UInt8.self, repeating: 1) },
        dtype: dtype, shape: Shape([2]))
      let found = try kinds("{module: m, rtol: 0.5, atol: 0}", tensor)
      // Extremes are finite and fail; nothing else is wrong with half of a value.
      #expect(!found.contains(.cannotFail) && !found.contains(.cannotPass), "\(dtype)")
    }
  }

  @Test func unusedAndShadowedRulesAreToldApart() throws {
    let found = try findings(
      "{module: a, rtol: 1e-3, atol: 0}, {module: x, rtol: 0, atol: 1}, "
        + "{module: a$, rtol: 1e-3, atol: 0}",
      [("a", try rows([1, 2])), ("b", try rows([1, 2]))])
    #expect(found.map(\.kind) == [.matchesNothing, .neverDecides, .unmatched])
    #expect(found.map(\.rule) == [1, 2, nil])
    #expect(found[1].detail == "rule 1 decides instead")
    #expect(found[2].first?.module == "b")
  }

  @Test func runsWithoutElementsAreRefused() throws {
    var run = InMemoryRun(path: "skipped.h5")
    run.add(
      nil, step: 0, "m", "outputs",
      skipped: SkippedTensor(
        dtype: .float32, shape: try Shape([2]), device: .cpu, reason: "too large"))
    let rules = try ToleranceRules(yaml: "rules: [{module: m, rtol: 0, atol: 1}]")
    #expect(throws: ComparisonError.nothingToTry(paths: ["skipped.h5"])) {
      try rules.findings(on: [run])
    }
  }

  @Test func recordedNaNNeedsEqualNaN() throws {
    let broken = try rows([1, .nan])
    #expect(try kinds("{module: m, rtol: 1e-3, atol: 0}", broken) == [.cannotPass])
    #expect(try kinds("{module: m, rtol: 1e-3, atol: 0, equal_nan: true}", broken).isEmpty)
  }
}
