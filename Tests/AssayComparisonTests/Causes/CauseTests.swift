import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

/// A chain of layers whose outputs are the next one's inputs, each value with its error.
private struct Layers {
  /// The relative errors between the layers, from the first one's input to the last one's output.
  var errors: [Double]

  /// - Parameter step: Its values; the expected ones are the same in all steps.
  func add(to run: inout InMemoryRun, step: Int = 0, hasErrors: Bool) throws {
    for layer in 0..<(errors.count - 1) {
      let name = "model.layers.\(layer)"
      run.begin(step: step, name)
      for (slot, error) in [("inputs_0", errors[layer]), ("outputs", errors[layer + 1])] {
        let value = Float(hasErrors ? 1 + error : 1)
        run.add(try rows([value, 0]), step: step, name, slot)
      }
    }
  }

  func comparison() throws -> RunComparison {
    var (actual, expected) = (InMemoryRun(path: "A"), InMemoryRun(path: "B"))
    try add(to: &actual, hasErrors: true)
    try add(to: &expected, hasErrors: false)
    return try compare(actual, expected)
  }
}

@Suite struct CauseTests {
  @Test func whatBecomesOfAnErrorIsNamed() throws {
    let comparison = try Layers(errors: [0, 0.01, 0.012, 0.03, 0.01, 0]).comparison()
    let causes = comparison.steps[0].modules.map(\.origin?.cause)
    #expect(causes == [.introduced, .inherited, .amplified, .absorbed, .absorbed])
    #expect(comparison.introduced.map(\.module) == ["model.layers.0"])
    let origin = try #require(comparison.module("model.layers.0")?.origin)
    #expect(abs(try #require(origin.introducedError) - 0.01) < 1e-6)
    #expect(comparison.module("model.layers.1")?.origin?.introducedError == nil)
  }

  @Test func secondBugIsFoundThoughItsInputsDiffer() throws {
    // Growth 1.1 in all layers but the fifth, where it is 30.
    var errors = [0, 0.001]
    for layer in 1..<9 { errors.append(errors[layer] * (layer == 5 ? 30 : 1.1)) }
    let comparison = try Layers(errors: errors).comparison()
    #expect(comparison.introduced.map(\.module) == ["model.layers.0", "model.layers.5"])
    #expect(comparison.firstDivergence?.call.module == "model.layers.0")
    // The larger one comes first in the ranking: sqrt(30^2 - 1.1^2) times its input's error.
    let ranking = comparison.introducedByError
    #expect(ranking.map(\.module.call.module) == ["model.layers.5", "model.layers.0"])
    let input = errors[5]
    let expected = (30.0 * 30 - 1.1 * 1.1).squareRoot() * input
    let introduced = try #require(ranking.first?.module.origin?.introducedError)
    #expect(abs(introduced / expected - 1) < 1e-3)
  }

  @Test func growthBlamesNobodyWhoseInputsAreNotAllKnown() throws {
    var errors = [0, 0.001]
    for layer in 1..<9 { errors.append(errors[layer] * (layer == 5 ? 30 : 1.1)) }
    let layers = Layers(errors: errors)
    var (actual, expected) = (InMemoryRun(path: "A"), InMemoryRun(path: "B"))
    try layers.add(to: &actual, hasErrors: true)
    try layers.add(to: &expected, hasErrors: false)
    actual.cover("model.layers.5", .positional)
    let comparison = try compare(actual, expected)
    #expect(comparison.introduced.map(\.module) == ["model.layers.0"])
    #expect(comparison.module("model.layers.5")?.origin?.cause == .amplified)
  }

  @Test func fewCounterpartsTellNothing() throws {
    let comparison = try Layers(errors: [0, 0.001, 0.0011, 0.03, 0.033]).comparison()
    #expect(comparison.introduced.map(\.module) == ["model.layers.0"])
    #expect(comparison.module("model.layers.2")?.origin?.cause == .amplified)
  }

  @Test func whoMayMakeTheSameErrorAgainIsNamedAndNotBlamed() throws {
    let comparison = try Layers(errors: [0, 0.01, 0.011, 0.03, 0.031, 0.09, 0.091]).comparison()
    #expect(comparison.introduced.map(\.module) == ["model.layers.0"])
    #expect(
      comparison.notes == [
        "model.layers.0 makes an error; model.layers.2, model.layers.4 at least double the one "
          + "handed over, so it may be made again there: a replay with --isolated, which judges "
          + "each module by itself, tells"
      ])
    #expect(try Layers(errors: [0, 0.01, 0.011, 0.012, 0.013]).comparison().notes.isEmpty)
  }

  @Test func steadyGrowthIsNobodysOwn() throws {
    let comparison = try Layers(errors: [0] + (0..<10).map { 0.001 * Double(1 << $0) })
      .comparison()
    #expect(comparison.introduced.map(\.module) == ["model.layers.0"])
    #expect(comparison.module("model.layers.4")?.origin?.cause == .amplified)
  }

  /// Blocks that add what their child returns to what they were given.
  private func residual(errorOfAddition: [Int: Float], blocks: Int = 8) throws -> RunComparison {
    func run(_ path: String, isActual: Bool) throws -> InMemoryRun {
      var run = InMemoryRun(path: path)
      var error: Float = isActual ? 0.001 : 0
      for block in 0..<blocks {
        let name = "model.layers.\(block)"
        run.begin(name)
        run.add(try rows([1 + error, 0]), step: 0, name, "inputs_0")
        // What the block's own code makes of it before the child is called.
        error += isActual ? errorOfAddition[block] ?? 0 : 0
        run.add(try rows([1 + error, 0]), step: 0, name + ".mlp", "inputs_0")
        run.add(try rows([1 + error, 0]), step: 0, name + ".mlp", "outputs")
        run.add(try rows([1 + error, 0]), step: 0, name, "outputs")
      }
      return run
    }
    return try compare(run("A", isActual: true), run("B", isActual: false))
  }

  @Test func blockOfAResidualStreamCanIntroduce() throws {
    let comparison = try residual(errorOfAddition: [5: 0.2])
    let origin = try #require(comparison.module("model.layers.5")?.origin)
    #expect(origin.cause == .introduced)
    #expect(origin.birthplace?.description == "inside model.layers.5, before mlp")
    #expect(abs(try #require(origin.introducedError) - 0.201) < 1e-3)
    #expect(comparison.module("model.layers.5.mlp")?.origin?.cause == .inherited)
    #expect(comparison.introduced.map(\.module) == ["model.layers.5"])
    #expect(try residual(errorOfAddition: [:]).introduced.isEmpty)
  }

  @Test func whatIsKeptBetweenStepsIsNotGuessed() throws {
    var (actual, expected) = (InMemoryRun(path: "A"), InMemoryRun(path: "B"))
    let errors = [[0, 0.1, 0.1, 0.1], [0, 0.1, 0, 0.1]]
    for step in errors.indices {
      // The second layer fails in step 0 by what it is handed, and in step 1 by itself.
      let (first, second) = (errors[step][..<2], errors[step][2...])
      for (run, isActual) in [(0, true), (1, false)] {
        func add(_ run: inout InMemoryRun) throws {
          for (layer, values) in [first, second].enumerated() {
            let name = "model.layers.\(layer)"
            for (slot, error) in zip(["inputs_0", "outputs"], values) {
              run.add(try rows([Float(isActual ? 1 + error : 1), 0]), step: step, name, slot)
            }
          }
        }
        if run == 0 { try add(&actual) } else { try add(&expected) }
      }
    }
    let comparison = try compare(actual, expected)
    let origin = try #require(comparison.module("model.layers.1", step: 1)?.origin)
    #expect(origin.cause == .unknown)
    #expect(origin.earlierStep == 0)
    #expect(comparison.introduced.map(\.step) == [0, 1])
    #expect(Set(comparison.introduced.map(\.module)) == ["model.layers.0"])
  }

  @Test func skippedInputsLeaveTheCauseUnknown() throws {
    var (actual, expected) = (InMemoryRun(path: "A"), InMemoryRun(path: "B"))
    let note = SkippedTensor(
      dtype: .float32, shape: try Shape([1, 2]), device: .cpu, reason: "too large")
    for value in [Float(1), 2] {
      func add(_ run: inout InMemoryRun) throws {
        run.add(nil, step: 0, "attn", "inputs_0", skipped: note)
        run.add(try rows([value, 1]), step: 0, "attn", "outputs")
      }
      if value == 2 { try add(&actual) } else { try add(&expected) }
    }
    let comparison = try compare(actual, expected)
    #expect(comparison.module("attn")?.origin?.cause == .unknown)
    #expect(comparison.introduced.isEmpty)
    #expect(comparison.module("attn")?.origin?.introducedError == nil)
  }

  /// Two modules side by side, both with inputs that match and outputs that do not.
  private func sideBySide(_ coverage: InputCoverage) throws -> RunComparison {
    func run(_ path: String, _ output: Float) throws -> InMemoryRun {
      var run = InMemoryRun(path: path)
      for module in ["rotary", "attn"] {
        run.add(try rows([1, 1]), step: 0, module, "inputs_0")
        run.add(try rows([output, 1]), step: 0, module, "outputs")
        run.cover(module, coverage)
      }
      return run
    }
    return try compare(run("A", 2), run("B", 1))
  }

  @Test func keywordInputsThatNobodyRecordedLeaveTheCauseUnknown() throws {
    let whole = try sideBySide(.all)
    #expect(whole.introduced.map(\.module) == ["rotary", "attn"])
    // Nothing failed before the first; what it made may reach the second by keyword.
    let plain = try sideBySide(.positional)
    #expect(plain.introduced.map(\.module) == ["rotary"])
    #expect(plain.module("attn")?.origin?.cause == .unknown)
    let partial = try sideBySide(.partial)
    #expect(partial.introduced.isEmpty)
    #expect(partial.firstDivergence?.origin.cause == .unknown)
  }

  @Test func inputsThatAMappingLeavesOutLeaveTheCauseUnknown() throws {
    func run(_ path: String, _ mask: Float, _ output: Float) throws -> InMemoryRun {
      try AssayComparisonTests.run(
        path, [("attn", [("inputs_0", [1, 1]), ("inputs_mask", [mask]), ("outputs", [output])])])
    }
    var options = ComparisonOptions()
    options.mapping = try Mapping(yaml: "rules: [{drop: both, module: attn, slot: inputs_mask}]")
    let comparison = try compare(run("A", 1, 2), run("B", 0, 1), options)
    #expect(comparison.firstDivergence?.origin.cause == .unknown)
    #expect(comparison.introduced.isEmpty)
  }
}

@Suite struct NonFiniteTests {
  private func comparison(_ actual: [Call]) throws -> RunComparison {
    try compare(
      run("A", actual),
      run(
        "B",
        actual.map { call in (call.module, call.tensors.map { ($0.slot, [1, 1]) }) }))
  }

  @Test func birthOfNaNIsTheFirstModuleThatTurnsFiniteIntoNaN() throws {
    let comparison = try comparison([
      ("a", [("inputs_0", [1, 1]), ("outputs", [1.5, 1])]),
      ("b", [("inputs_0", [1.5, 1]), ("outputs", [1, .nan])]),
      ("c", [("inputs_0", [1, .nan]), ("outputs", [.nan, .nan])]),
    ])
    #expect(comparison.firstDivergence?.call.module == "a")
    let birth = try #require(comparison.firstNonFinite)
    #expect(birth.call.module == "b")
    #expect(birth.tensor.slot.rawValue == "outputs")
    #expect(birth.origin.cause == .introduced)
    #expect(comparison.module("b")?.origin?.cause == .introduced)
    #expect(comparison.module("b")?.origin?.introducedError == .infinity)
    #expect(comparison.module("c")?.origin?.cause == .inherited)
  }

  @Test func infinityBornBetweenModulesIsBracketed() throws {
    let comparison = try comparison([
      ("m", [("inputs_0", [1, 1]), ("outputs", [.infinity, 1])]),
      ("m.a", [("inputs_0", [1, 1]), ("outputs", [1, 1])]),
      ("m.b", [("inputs_0", [.infinity, 1]), ("outputs", [.infinity, 1])]),
    ])
    let birth = try #require(comparison.firstNonFinite)
    #expect(birth.call.module == "m.b")
    #expect(birth.origin.birthplace?.description == "inside m, after a, before b")
  }

  @Test func finiteErrorsAreNoBirth() throws {
    let comparison = try comparison([("a", [("inputs_0", [1, 1]), ("outputs", [1.5, 1])])])
    #expect(comparison.firstNonFinite == nil)
    #expect(!comparison.isMatch)
  }
}
