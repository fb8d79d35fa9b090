import AssayCapture
import AssayComparison
import AssayReplay
import AssayRuns
import AssayTensors
import Testing

/// A model takes its inputs from the golden that it replays.
@Suite struct GoldenInputTests {
  private let directory: TemporaryDirectory
  private let golden: any RunReader

  init() throws {
    directory = try TemporaryDirectory()
    golden = try recordGolden(in: directory)
  }

  @Test(arguments: [false, true])
  func everyStepGivesItsOwn(isolated: Bool) throws {
    var options = ReplayOptions()
    options.isIsolated = isolated
    let comparison = try Replay.run(golden, options: options) { probe in
      for expected in inputs {
        // Between two steps, those of the next one.
        let input = try probe.input("model").float32Values()
        #expect(input == expected)
        _ = try Chain()(input, probe)
      }
    }
    #expect(comparison.isMatch)
  }

  @Test func namesAreBelowTheScope() throws {
    _ = try Replay.run(golden) { probe in
      try probe.step {
        let hidden = try probe.scope("model.layers").input("1")
        #expect(hidden.float32Values() == [2, 4, 6])
      }
    }
  }

  @Test func keywordsAreFound() throws {
    let golden = try recordGolden(in: directory, name: "keywords", steps: 1) { probe in
      try probe.step {
        let hidden = try Tensor([1, 2] as [Float], dtype: .float32)
        _ = try probe("norm", Keyword("hidden_states", hidden)) { $0.value }
      }
    }
    _ = try Replay.run(golden) { probe in
      let hidden = try probe.input("norm", "hidden_states")
      #expect(hidden.float32Values() == [1, 2])
      try probe.step {}
    }
  }

  @Test func whatTheGoldenLacksIsNamed() throws {
    _ = try Replay.run(golden) { probe in
      for _ in inputs { try probe.step {} }
      #expect(
        throws: lacking("model", "inputs_0", step: 2, "it has steps 0 to \(inputs.count - 1)")
      ) { try probe.input("model") }
    }
    _ = try Replay.run(golden) { probe in
      let model = "it has model with inputs_0"
      let layers = (0...2).map { "model.layers.\($0) with inputs_0" }.joined(separator: "; ")
      #expect(throws: lacking("modell", "inputs_0", model)) { try probe.input("modell") }
      #expect(throws: lacking("model", "inputs_1", model)) { try probe.input("model", 1) }
      #expect(throws: lacking("model", "inputs_0", model)) { try probe.input("model", call: 1) }
      #expect(throws: lacking("model", "inputs_mask", model)) { try probe.input("model", "mask") }
      #expect(throws: lacking("layers", "inputs_0", "it has \(layers)")) {
        try probe.input("layers")
      }
      #expect(
        throws: lacking(
          "quite_another", "inputs_0",
          "it has the inputs of 4 calls in that step, the first are those of model with inputs_0; "
            + "model.layers.0 with inputs_0; model.layers.1 with inputs_0")
      ) { try probe.input("quite_another") }
    }
  }

  /// The model's own names are those that the mapping pairs with the golden's.
  @Test(arguments: [
    "{actual: net, expected: model}", "{expected: model, actual: net}",
    "{actual: 'n(et)', expected: 'model', slot: inputs_0, expected_slot: inputs_0}",
  ])
  func aMappingAppliesToInputs(rule: String) throws {
    var options = ReplayOptions()
    options.mapping = try Mapping(yaml: "rules: [\(rule)]")
    _ = try Replay.run(golden, options: options) { probe in
      #expect(try probe.input("net").float32Values() == inputs[0])
      #expect(try probe.input("model").float32Values() == inputs[0])
      #expect(throws: CaptureError.self) { try probe.input("nets") }
      try probe.step {}
    }
  }

  @Test func detachedProbesHaveNone() {
    #expect(throws: lacking("model", "inputs_0", nil)) { try Probe.detached.input("model") }
  }

  private func lacking(
    _ module: String, _ slot: String, step: Int = 0, _ hint: String?
  ) -> CaptureError {
    .noGoldenInput(module: module, slot: Slot(slot), step: step, hint: hint)
  }
}
