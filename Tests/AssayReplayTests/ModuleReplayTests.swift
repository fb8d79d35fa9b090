import AssayCapture
import AssayComparison
import AssayReplay
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

/// Modules that run by themselves on the golden's inputs.
@Suite struct ModuleReplayTests {
  private let directory: TemporaryDirectory
  private let golden: any RunReader
  private let factors: [Float] = [2, 3, 5]
  private let layers: ModulePattern

  init() throws {
    directory = try TemporaryDirectory()
    golden = try recordGolden(in: directory)
    layers = try ModulePattern(#"layers\.\d+$"#)
  }

  private func scaled(_ inputs: ModuleInputs, by factors: [Float]) throws -> Tensor {
    let factor = factors[try inputs.index(after: "layers")]
    return try Chain().map(inputs[0]) { $0 * factor }
  }

  @Test func everyMatchingCallIsCompared() throws {
    var seen: [String] = []
    let comparison = try ModuleReplay.compare(golden: golden, matching: layers) { inputs in
      seen.append("\(inputs.call.step) \(inputs.call.module) \(inputs.indices) \(inputs.slots)")
      return try scaled(inputs, by: factors)
    }
    #expect(
      seen == [
        "0 model.layers.0 [0] [inputs_0]", "0 model.layers.1 [1] [inputs_0]",
        "0 model.layers.2 [2] [inputs_0]", "1 model.layers.0 [0] [inputs_0]",
        "1 model.layers.1 [1] [inputs_0]", "1 model.layers.2 [2] [inputs_0]",
      ])
    #expect(comparison.isMatch && comparison.failures.isEmpty)
    // Only the outputs: the inputs are the golden's own.
    #expect(comparison.summary.tensors.compared == 6)
    #expect(comparison.summary.tensors.total == 6)
  }

  @Test func asynchronousModulesAreCompared() async throws {
    let comparison = try await ModuleReplay.compare(golden: golden, matching: layers) { inputs in
      await Task.yield()
      return try scaled(inputs, by: factors)
    }
    #expect(comparison.isMatch && comparison.summary.tensors.compared == 6)
  }

  @Test func noModuleInheritsAnErrorOfAnother() throws {
    let comparison = try ModuleReplay.compare(golden: golden, matching: layers) { inputs in
      try scaled(inputs, by: [2.5, 3, 5])
    }
    #expect(!comparison.isMatch)
    let failing = comparison.steps.flatMap(\.modules).filter(\.verdict.isFailure)
    #expect(failing.map(\.call.module) == ["model.layers.0", "model.layers.0"])
  }

  @Test func firstDivergenceMayStopIt() throws {
    var options = ReplayOptions()
    options.stopsAtFirstDivergence = true
    var count = 0
    let comparison = try ModuleReplay.compare(
      golden: golden, matching: layers, options: options
    ) { inputs in
      count += 1
      return try scaled(inputs, by: [2, 3.5, 5])
    }
    #expect(count == 2 && !comparison.isMatch)
    #expect(comparison.firstDivergence?.call.module == "model.layers.1")
  }

  @Test func patternThatMatchesNothingIsNoMatch() throws {
    let comparison = try ModuleReplay.compare(
      golden: golden, matching: ModulePattern("attention")
    ) { try $0[0] }
    #expect(!comparison.isMatch)
    #expect(comparison.failures.contains(.patternMatchesNothing("attention")))
    #expect(comparison.failures.contains(.nothingCompared))
  }

  @Test func moduleThatReturnsNoTensorIsNoMatch() throws {
    let comparison = try ModuleReplay.compare(golden: golden, matching: layers) { _ in
      Tensor?.none
    }
    #expect(!comparison.isMatch && comparison.summary.tensors.missingInActual == 6)
  }

  @Test func moduleThatReturnsATupleIsNoMatchForATensor() throws {
    let comparison = try ModuleReplay.compare(golden: golden, matching: layers) { inputs in
      [try scaled(inputs, by: factors)]
    }
    #expect(!comparison.isMatch && comparison.summary.tensors.missingInActual == 6)
  }

  private static func rotary() throws -> InMemoryRun {
    var run = InMemoryRun(path: "rotary")
    run.add(try Chain().vector([1, 2]), "rotary", "inputs_0")
    run.add(try Chain().vector([2, 4]), "rotary", "outputs_0")
    run.add(try Chain().vector([3, 6]), "rotary", "outputs_1")
    return run
  }

  /// As PyTorch's modules do, whose items are `outputs_0` and `outputs_1`.
  @Test func modulesMayReturnTuples() async throws {
    let (run, rotary) = (try Self.rotary(), try ModulePattern("rotary"))
    for factor in [Float(3), 4] {
      let comparison = try ModuleReplay.compare(golden: run, matching: rotary) { inputs in
        let input = try inputs[0]
        return (try Chain().map(input) { $0 * 2 }, try Chain().map(input) { $0 * factor })
      }
      #expect(comparison.summary.tensors.compared == 2)
      #expect(comparison.summary.tensors.matched == (factor == 3 ? 2 : 1))
      #expect(comparison.isMatch == (factor == 3))
    }
    let comparison = try await ModuleReplay.compare(golden: run, matching: rotary) { inputs in
      await Task.yield()
      let input = try inputs[0]
      return (try Chain().map(input) { $0 * 2 }, try Chain().map(input) { $0 * 3 })
    }
    #expect(comparison.isMatch && comparison.summary.tensors.matched == 2)
  }

  @Test func otherSlotsThanTheGoldensAreListed() throws {
    let comparison = try ModuleReplay.compare(
      golden: Self.rotary(), matching: ModulePattern("rotary")
    ) { try $0[0] }
    #expect(!comparison.isMatch)
    let reasons = comparison.steps.flatMap(\.modules).flatMap(\.tensors).map(\.reason)
    #expect(
      Set(reasons) == ["the module returned outputs, and the golden has outputs_0, outputs_1"])
  }

  @Test func incompleteGoldenIsNoMatch() throws {
    var cut = InMemoryRun(path: "cut", isComplete: false)
    cut.add(try Chain().vector([1]), "model", "inputs_0")
    cut.add(try Chain().vector([1]), "model", "outputs")
    let comparison = try ModuleReplay.compare(golden: cut, matching: ModulePattern("model")) {
      try $0[0]
    }
    #expect(!comparison.isMatch && comparison.summary.tensors.matched == 1)
    #expect(comparison.failures == [.incompleteRun(path: "cut", steps: 1)])
  }

  /// Elements that the golden does not have cannot have been compared.
  @Test func skippedOutputsAreNoMatch() throws {
    var run = InMemoryRun(path: "skipped")
    let note = SkippedTensor(
      dtype: .float32, shape: try Shape([1]), device: .cpu, reason: "too large")
    run.add(nil, "model", "outputs", skipped: note)
    run.add(try Chain().vector([1]), "model.norm", "outputs")
    let comparison = try ModuleReplay.compare(golden: run, matching: ModulePattern("model")) { _ in
      try Chain().vector([1])
    }
    #expect(!comparison.isMatch)
  }

  @Test func stepsWithoutAMatchingCallAreNotMissing() throws {
    var run = InMemoryRun(path: "two steps")
    for step in 0..<2 { run.add(try Chain().vector([1]), step: step, "model", "outputs") }
    run.add(try Chain().vector([1]), step: 1, "model.head", "outputs")
    let comparison = try ModuleReplay.compare(golden: run, matching: ModulePattern("head")) { _ in
      try Chain().vector([1])
    }
    #expect(comparison.isMatch && comparison.summary.tensors.compared == 1)
  }

  @Test func moduleWithoutRecordedOutputsIsNoMatch() throws {
    var run = InMemoryRun(path: "inputs only")
    run.add(try Chain().vector([1]), "model", "inputs_0")
    let comparison = try ModuleReplay.compare(golden: run, matching: ModulePattern("model")) {
      try $0[0]
    }
    #expect(!comparison.isMatch)
  }

  @Test func errorsNameTheModule() throws {
    let failure = ReplayError.moduleFailed(
      CallKey(step: 0, module: "model.layers.0", index: 0),
      reason: "ModelError()")
    #expect(throws: failure) {
      _ = try ModuleReplay.compare(golden: golden, matching: layers) { _ -> Tensor in
        throw ModelError()
      }
    }
    #expect("\(failure)".contains("step 0 model.layers.0"))
    #expect(throws: ReplayError.noIndex(module: "model.layers.0", after: "blocks")) {
      try ModuleReplay.compare(golden: golden, matching: layers) { inputs -> Tensor in
        _ = try inputs.index(after: "blocks")
        return try inputs[0]
      }
    }
  }

  private var attention: InMemoryRun {
    get throws {
      var run = InMemoryRun(path: "attention")
      let skipped = try SkippedTensor(
        dtype: .float32, shape: Shape([9]), device: .cpu, reason: "too large")
      run.add(try Chain().vector([1]), "attn", call: 1, "inputs_0_1")
      run.add(try Chain().vector([2]), "attn", call: 1, "inputs_mask")
      run.add(nil, "attn", call: 1, "inputs_cache", skipped: skipped)
      for device in ["cuda:0", "cuda:1"] {
        let tensor = try Tensor([3] as [Float], dtype: .float32, device: Device(device))
        run.add(tensor, "attn", call: 1, "inputs_hidden", device: Device(device))
      }
      run.add(try Chain().vector([3]), "attn", call: 1, "outputs")
      return run
    }
  }

  private func callAttention(_ body: (ModuleInputs) throws -> Void) throws -> RunComparison {
    try ModuleReplay.compare(golden: try attention, matching: ModulePattern("attn")) {
      try body($0)
      return try Chain().vector([3])
    }
  }

  @Test func inputsAreFoundByNameAndDevice() throws {
    let comparison = try callAttention { inputs in
      #expect(inputs.call.index == 1)
      #expect(try inputs["mask"].float32Values() == [2])
      #expect(try inputs["0_1"].float32Values() == [1])
      let hidden = try inputs.tensor(named: "hidden", on: Device("cuda:1"))
      #expect(hidden.device == Device("cuda:1"))
      #expect(inputs.slots.map(\.rawValue).count == 4)
    }
    #expect(comparison.isMatch)
  }

  @Test func inputThatCannotBeHadIsAnErrorWithTheModule() throws {
    let call = CallKey(step: 0, module: "attn", index: 1)
    let available = ["inputs_0_1", "inputs_mask", "inputs_cache", "inputs_hidden"].map { Slot($0) }
    let missing = ReplayError.noInput(call, slot: Slot("inputs_0"), available: available)
    #expect(throws: missing) { try callAttention { _ = try $0[0] } }
    #expect("\(missing)".contains("step 0 attn call 1: the golden has no inputs_0; it has"))
    let skipped = ReplayError.skippedInput(call, slot: Slot("inputs_cache"), reason: "too large")
    #expect(throws: skipped) { try callAttention { _ = try $0["cache"] } }
    #expect(throws: skipped) { try callAttention { _ = try $0.tensors } }
    let devices = [Device("cuda:0"), Device("cuda:1")]
    let ambiguous = ReplayError.ambiguousDevice(
      call, slot: Slot("inputs_hidden"), devices: devices)
    #expect(throws: ambiguous) { try callAttention { _ = try $0["hidden"] } }
    #expect(throws: ambiguous) {
      try callAttention { _ = try $0.tensor(named: "hidden", on: .cpu) }
    }
  }

  @Test func unreadableInputIsAnError() throws {
    var run = InMemoryRun(path: "gone")
    run.add(nil, "model", "inputs_0")
    run.add(try Chain().vector([1]), "model", "outputs")
    #expect(throws: RunError.self) {
      try ModuleReplay.compare(golden: run, matching: ModulePattern("model")) { try $0[0] }
    }
  }

  @Test func goldenOfAnotherDeviceNeedsAMap() throws {
    let device = Device("cuda:0")
    let golden = try recordGolden(in: directory, name: "cuda") { probe in
      try Chain(device: device).run(inputs, probe)
    }
    var options = ReplayOptions()
    let run = {
      try ModuleReplay.compare(golden: golden, matching: layers, options: options) { inputs in
        try scaled(inputs, by: factors)
      }
    }
    let without = try run()
    #expect(!without.isMatch)
    #expect(without.notes.contains { $0.contains("are on cuda:0 and the model's on cpu") })
    options.deviceMap = [(actual: .cpu, expected: device)]
    let with = try run()
    #expect(with.isMatch && with.summary.tensors.compared == 6)
  }
}
