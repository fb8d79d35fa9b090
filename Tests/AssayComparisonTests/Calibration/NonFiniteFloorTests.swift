import AssayBase
import AssayRuns
import AssayRunsSupport
import Foundation
import Testing

@testable import AssayComparison
@testable import AssayTensors

/// Goldens in which NaN and infinity are right, as torch made them in `make_nonfinite.py`.
@Suite struct NonFiniteFloorTests {
  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    var name: String
    var shape: [Int]
    var nan: Int
    var inf: Int
    var golden: String
    var other: String
    var broken: [String]

    var testDescription: String { name }

    func tensor(_ text: String) throws -> Tensor {
      try Tensor(hexadecimal: text, dtype: .float32, shape: Shape(shape))
    }

    /// A layer with noise of its own and, in another layer, the tensor.
    func run(_ text: String, path: String = "run") throws -> InMemoryRun {
      var run = InMemoryRun(path: path)
      let value: Float = text == golden ? 4 : 4.0001
      run.add(try rows([3, value]), "layers.0.m", "outputs")
      run.add(try tensor(text), "layers.1.m", "outputs")
      return run
    }

    static let all: [Case] = {
      let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/nonfinite.json")
      return (try? JSONDecoder().decode([Case].self, from: Data(contentsOf: url))) ?? []
    }()
  }

  @Test func thereAreCases() { #expect(Case.all.count == 4) }

  @Test(arguments: Case.all) func rulesExpectWhatAllRunsHave(_ example: Case) throws {
    let (golden, other) = (try example.run(example.golden), try example.run(example.other))
    let floor = try NoiseFloor(measuring: [golden, other])
    let entry = try #require(floor.entries.first { $0.module == "layers.1.m" })
    #expect(entry.nanCount == example.nan)
    #expect(entry.infCount == example.inf)
    #expect(floor.entries.first?.hasNonFinite == false)
    guard case .object(let json) = floor.json, case .array(let modules)? = json["modules"],
      case .object(let module)? = modules.last
    else {
      Issue.record("\(floor.json)")
      return
    }
    #expect(module["nan"] == .integer(Int64(example.nan)))
    #expect(module["inf"] == .integer(Int64(example.inf)))

    let text = try floor.rules(safety: 2)
    #expect(text.contains("    equal_non_finite: true\n    bound: rel_l2 <= "), "\(text)")
    let rules = try ToleranceRules(yaml: text)
    #expect(rules.rules.map(\.equalNonFinite) == [true])
    #expect(try rules.findings(on: [golden]).isEmpty)
    let options = ComparisonOptions(tolerance: .rules(rules))
    // The golden against itself, the run that it was made of, and back.
    #expect(try compareLive(golden, golden, options).isMatch)
    #expect(try compareLive(other, golden, options).isMatch)
    #expect(try compareLive(golden, other, options).isMatch)
    for broken in example.broken {
      let run = try example.run(broken)
      for (actual, expected) in [(run, golden), (golden, run)] {
        let result = try compareLive(actual, expected, options).tensor("layers.1.m", "outputs")
        #expect(result?.verdict == .values)
        #expect(result?.reason?.hasPrefix("NaN or infinite values differ at 1 position") == true)
      }
    }
    // The noise of the finite tensor of the same rule has its limit still.
    var noisy = InMemoryRun(path: "noisy")
    noisy.add(try rows([3, 4.1]), "layers.0.m", "outputs")
    noisy.add(try example.tensor(example.other), "layers.1.m", "outputs")
    let result = try compareLive(noisy, golden, options)
    #expect(result.tensor("layers.0.m", "outputs")?.verdict == .values)
    #expect(result.tensor("layers.1.m", "outputs")?.verdict == .match)
  }

  /// An element rule takes the key too, and `equal_nan` alone does not make up for lost figures.
  @Test(arguments: [
    ("equal_non_finite: true, rtol: 1e-3, atol: 1e-6", true),
    ("equal_non_finite: true, rtol: 1e-3, atol: 1e-6, outliers: 1", true),
    ("equal_non_finite: true, bound: cosine >= 0.9", true),
    ("equal_non_finite: false, equal_nan: false, bound: cosine >= 0.9", false),
    ("bound: cosine >= 0.9", false),
  ])
  func theKeyIsRead(criterion: String, matches: Bool) throws {
    let rules = try ToleranceRules(yaml: "version: 1\nrules: [{module: m, \(criterion)}]")
    for example in Case.all where example.nan > 0 {
      let comparison = try compareLive(
        example.run(example.other), example.run(example.golden), .init(tolerance: .rules(rules)))
      #expect(comparison.isMatch == matches)
    }
  }

  /// A lost or new one is no dead module, and the rest may be.
  @Test func lintLeavesThemInPlace() throws {
    let example = try #require(Case.all.first)
    let rules = try ToleranceRules(
      yaml: "rules: [{module: m, equal_non_finite: true, bound: rel_l2 <= 1}]")
    let found = try rules.findings(on: [example.run(example.golden)])
    #expect(found.map(\.kind) == [.passesZeros])
    #expect(found.first?.count == 2)
    let strict = try ToleranceRules(yaml: "rules: [{module: m, bound: rel_l2 <= 1e-3}]")
    #expect(
      try strict.findings(on: [example.run(example.golden)]).map(\.kind)
        == [.cannotPass])
  }

  @Test func oneKeyMustNotContradictTheOther() throws {
    let error = #expect(throws: ComparisonError.self) {
      try ToleranceRules(
        yaml: "rules: [{module: m, equal_nan: false, equal_non_finite: true, rtol: 0, atol: 0}]")
    }
    #expect("\(String(describing: error))".contains("contradicts equal_non_finite"))
  }

  /// Digests of equal bytes match under the key; others do not tell where NaN is.
  @Test func digestsMatchByTheirBytes() throws {
    let rules = try ToleranceRules(
      yaml: "rules: [{module: m, equal_non_finite: true, bound: rel_l2 <= 1e-3}]")
    for example in Case.all where example.golden != example.other {
      func digested(_ text: String) throws -> InMemoryRun {
        let tensor = try example.tensor(text)
        var run = InMemoryRun(path: "digests")
        run.add(
          nil, "m", "outputs",
          skipped: SkippedTensor(
            dtype: tensor.dtype, shape: tensor.shape, device: tensor.device, reason: "a digest",
            digest: TensorDigest(of: tensor)))
        return run
      }
      let golden = try digested(example.golden)
      let options = ComparisonOptions(tolerance: .rules(rules))
      #expect(try compareLive(golden, golden, options).isMatch)
      #expect(try !compareLive(digested(example.other), golden, options).isMatch)
    }
  }
}
