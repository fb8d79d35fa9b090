import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Foundation
import Testing

@Suite struct NoiseFloorTests {
  private func sample(_ path: String, _ values: [Float], module: String = "layers.0.mlp") throws
    -> InMemoryRun
  {
    try run(path, [(module, [("inputs_0", [1, 2]), ("outputs", values)])])
  }

  @Test func figuresAreTheLargestOfAllPairs() throws {
    // Of [3, 4], [3, 4.5] and [3, 3]: the last two differ most, by 1.5 from a norm of 5.4083.
    let floor = try NoiseFloor(measuring: [
      sample("a", [3, 4]), sample("b", [3, 4.5]), sample("c", [3, 3]),
    ])
    #expect(floor.runs.map(\.path) == ["a", "b", "c"])
    #expect(floor.entries.map(\.side) == [.inputs, .outputs])
    let outputs = floor.entries[1]
    #expect(outputs.tensorCount == 1)
    #expect(abs(outputs.relativeL2 - 1.5 / 29.25.squareRoot()) < 1e-12)
    #expect(abs(outputs.relativeLinf - 1.5 / 4.5) < 1e-12)
    #expect(outputs.worstPair == [1, 2])
    #expect(floor.entries[0].relativeL2 == 0)
    #expect(floor.entries[0].worstPair == nil)
  }

  @Test func rulesPassWhatWasMeasuredAndNotMuchMore() throws {
    let runs = [try sample("a", [3, 4]), try sample("b", [3, 4.1])]
    let text = try NoiseFloor(measuring: runs).rules(safety: 2)
    let rules = try ToleranceRules(yaml: text)
    func isMatch(_ values: [Float], module: String = "layers.0.mlp") throws -> Bool {
      try compare(
        sample("x", values, module: module), sample("a", [3, 4], module: module),
        ComparisonOptions(tolerance: .rules(rules))
      ).isMatch
    }
    #expect(try isMatch([3, 4.1]))
    #expect(try isMatch([3, 4.19]))
    #expect(try !isMatch([3, 4.25]))
    // The same module of another layer has the same rule; another module has none.
    #expect(try isMatch([3, 4.19], module: "layers.17.mlp"))
    #expect(try !isMatch([3, 4], module: "layers.17.mlpx"))
    #expect(text.contains(#"module: '^layers\.\d+\.mlp$'"#))
  }

  @Test func equalRunsAreAllowedARounding() throws {
    let run = try sample("a", [3, 4])
    let text = try NoiseFloor(measuring: [run, run]).rules(safety: 4)
    // 4 times a quarter, a half and one of 2^-23, each in two digits rounded up.
    #expect(text.contains("bound: rel_l2 <= 1.2e-7 and worst_row <= 2.4e-7 and rel_linf <= 4.8e-7"))
    #expect(!text.contains("slot"))
    let rules = try ToleranceRules(yaml: text)
    #expect(try rules.findings(on: [run]).isEmpty)
  }

  @Test func integersMustBeEqual() throws {
    var run = try sample("a", [3, 4])
    run.add(
      try Tensor([7] as [Int64], dtype: .int64, shape: Shape([1])), step: 0, "embed", "inputs_0")
    let text = try NoiseFloor(measuring: [run, run]).rules(safety: 2)
    #expect(text.contains("    dtype: int64\n    rtol: 0\n    atol: 0\n"))
  }

  @Test func runsThatDifferByMoreThanNoiseAreRefused() throws {
    let good = try sample("a", [3, 4])
    var longer = good
    longer.add(try rows([1]), step: 1, "layers.0.mlp", "outputs")
    for bad in [
      try sample("b", [3, 4, 5]), try sample("b", [3, .nan]),
      try sample("b", [3, 4], module: "other"), longer,
    ] {
      #expect(throws: ComparisonError.self) { try NoiseFloor(measuring: [good, bad]) }
    }
    #expect(throws: ComparisonError.self) { try NoiseFloor(measuring: [good]) }
    for safety in [0.5, .nan, .infinity] {
      #expect(throws: ComparisonError.self) {
        try NoiseFloor(measuring: [good, good]).rules(safety: safety)
      }
    }
  }

  @Test func whatIsZeroInOneRunOnlyHasNoRelativeLimit() throws {
    let runs = [try sample("a", [0, 0]), try sample("b", [0, 1])]
    #expect(throws: ComparisonError.self) { try NoiseFloor(measuring: runs).rules(safety: 2) }
  }
}

@Suite struct FloorFiguresTests {
  private func figures(_ candidate: [Float], _ floor: [Float], truth: [Float]) throws
    -> TensorResult?
  {
    func single(_ values: [Float]) throws -> InMemoryRun {
      try run("r", [("m", [("outputs", values)])])
    }
    var options = ComparisonOptions(tolerance: try .threeWayGate())
    options.floor = try single(floor)
    return try compare(single(candidate), single(truth), options).tensor("m", "outputs")
  }

  @Test func figuresAreThoseOfNumpy() throws {
    // numpy: d = [.1, -.2, .3, 0], f = [.2, .1, -.1, -.2]; ratios of norms, maxima and std;
    // sqrt(2 s t / (s^2 + t^2)) exp(-(m - n)^2 / (4 (s^2 + t^2))).
    let result = try figures([1.1, 1.8, 3.3, 4], [1.2, 2.1, 2.9, 3.8], truth: [1, 2, 3, 4])
    let floor = try #require(result?.difference?.floor)
    #expect(abs(floor.l2Ratio - 1.1832159566199232) < 1e-5)
    #expect(abs(floor.linfRatio - 1.5) < 1e-5)
    #expect(abs(floor.sigmaRatio - 1.140175425099138) < 1e-5)
    #expect(abs(floor.bhattacharyya - 0.9849548560436586) < 1e-5)
    #expect(result?.verdict == .values)
  }

  @Test func errorsLikeTheFloorsPassAndLargerOnesFail() throws {
    let (truth, floor): ([Float], [Float]) = ([1, 2, 3, 4], [1.01, 1.99, 3.01, 3.99])
    #expect(try figures(floor, floor, truth: truth)?.verdict == .match)
    #expect(try figures([0.99, 2.01, 2.99, 4.01], floor, truth: truth)?.verdict == .match)
    #expect(try figures([1.04, 1.96, 3.04, 3.96], floor, truth: truth)?.verdict == .values)
  }

  @Test func equalValuesNeedNoFloor() throws {
    let equal = try figures([1, 2], [1, 2], truth: [1, 2])
    #expect(equal?.verdict == .match)
    #expect(equal?.difference?.floor?.bhattacharyya == 1)
    let worse = try figures([1, 2.5], [1, 2], truth: [1, 2])
    #expect(worse?.verdict == .values)
    #expect(worse?.difference?.floor?.l2Ratio == .infinity)
  }

  private func golden(_ name: String) throws -> any RunReader {
    var root = URL(filePath: #filePath)
    for _ in 0..<4 { root.deleteLastPathComponent() }
    return try openRun(at: root.appending(path: "Golden/tiny-llama/\(name).h5").path)
  }

  @Test func anotherDTypeIsJudgedByItsFloor() throws {
    var options = ComparisonOptions(tolerance: try .threeWayGate())
    let truth = try golden("float32")
    options.floor = try golden("bfloat16")
    let same = try RunComparison.compare(
      actual: golden("bfloat16"), expected: truth, options: options)
    #expect(same.isMatch)
    #expect(same.summary.tensors.matched == 560)
    options.floor = truth
    let worse = try RunComparison.compare(
      actual: golden("bfloat16"), expected: truth, options: options)
    #expect(!worse.isMatch)
  }

  @Test func aBrokenFloorExcusesNothing() throws {
    // Beside what NaN leaves of the floor, the candidate's error would pass as small.
    let result = try figures([1, 2.5], [1.9, .nan], truth: [1, 2])
    #expect(result?.verdict == .unreadable)
    #expect(result?.reason?.contains("no floor") == true)
  }

  @Test func whatTheFloorLacksFails() throws {
    let whole = try run("r", [("m", [("outputs", [1, 2])]), ("n", [("outputs", [1, 2])])])
    var options = ComparisonOptions(tolerance: try .threeWayGate())
    options.floor = try run("floor", [("m", [("outputs", [1, 2])])])
    let comparison = try compare(whole, whole, options)
    #expect(comparison.tensor("n", "outputs")?.verdict == .unreadable)
    #expect(comparison.tensor("n", "outputs")?.reason?.contains("floor") == true)
    options.floor = try run("floor", [("m", [("outputs", [1])]), ("n", [("outputs", [1, 2])])])
    #expect(try compare(whole, whole, options).tensor("m", "outputs")?.verdict == .unreadable)
  }
}
