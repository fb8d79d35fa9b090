import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

/// Calibrating with runs that have other names than the reference.
@Suite struct MappedFloorTests {
  /// As eager attention and a fused kernel are recorded: only one has a mask and weights.
  private func eager(_ path: String, _ value: Float, device: Device = .cpu) throws -> InMemoryRun {
    var run = InMemoryRun(path: path)
    run.add(
      try rows([0, 1], device: device), "layers.0.attn", "inputs_attention_mask", device: device)
    run.add(try rows([3, value], device: device), "layers.0.attn", "outputs_0", device: device)
    run.add(try rows([0.5, 0.5], device: device), "layers.0.attn", "outputs_1", device: device)
    return run
  }

  private func fused(
    _ path: String, _ value: Float, module: String = "layers.0.attn", device: Device = .cpu
  ) throws -> InMemoryRun {
    var run = InMemoryRun(path: path)
    run.add(try rows([3, value], device: device), module, "outputs_0", device: device)
    return run
  }

  @Test func whatOnlyOneKernelHasCanBeLeftOut() throws {
    let (golden, other) = (try eager("golden", 4), try fused("other", 4.1))
    let error = #expect(throws: ComparisonError.self) {
      try NoiseFloor(measuring: [golden, other])
    }
    #expect("\(String(describing: error))".contains("a mapping pairs what has another name"))
    // What is suggested is what it takes.
    guard case .rules(let yaml) = try MappingSuggestion(actual: other, expected: golden) else {
      Issue.record("nothing was suggested")
      return
    }
    #expect(
      yaml.contains(
        #"- {drop: both, module: 'layers\.\d+\.attn', slot: 'inputs_attention_mask'}"#), "\(yaml)")
    let mapping = try Mapping(yaml: yaml)
    // A run like the golden beside one that lacks the tensors: the drop is for both.
    let runs = [golden, other, try eager("third", 4.05)]
    let floor = try NoiseFloor(measuring: runs, mapping: mapping)
    #expect(floor.entries.map(\.module) == ["layers.0.attn"])
    #expect(floor.entries.first?.worstPair == [0, 1])
    let rules = try ToleranceRules(yaml: floor.rules(safety: 1))
    let options = ComparisonOptions(tolerance: .rules(rules), mapping: mapping)
    #expect(try compare(fused("x", 4.1), golden, options).isMatch)
    #expect(try !compare(fused("x", 4.2), golden, options).isMatch)
  }

  @Test func rulesHaveTheGoldensNames() throws {
    let golden = try fused("golden", 4)
    let runs = [
      golden, try fused("b", 4.1, module: "h.0.a"), try fused("c", 3.8, module: "h.0.a"),
    ]
    let mapping = try Mapping(
      yaml: #"rules: [{actual: 'h\.(\d)\.a', expected: 'layers.\1.attn'}]"#)
    let floor = try NoiseFloor(measuring: runs, mapping: mapping)
    #expect(floor.entries.map(\.module) == ["layers.0.attn"])
    // Two runs that both have other names are held together too.
    #expect(floor.entries.first?.worstPair == [1, 2])
    #expect(try floor.rules(safety: 2).contains(#"module: '^layers\.\d+\.attn$'"#))
  }

  @Test func aRuleMustDoSomethingInOneRun() throws {
    let runs = [
      try fused("golden", 4), try fused("b", 4.1), try fused("c", 4, module: "h.0.a"),
    ]
    let rule = #"{actual: 'h\.(\d)\.a', expected: 'layers.\1.attn'}"#
    #expect(throws: Never.self) {
      try NoiseFloor(measuring: runs, mapping: Mapping(yaml: "rules: [\(rule)]"))
    }
    let error = #expect(throws: ComparisonError.self) {
      try NoiseFloor(
        measuring: runs, mapping: Mapping(yaml: "rules: [\(rule), {drop: both, module: x}]"))
    }
    #expect("\(String(describing: error))".contains("rule 2 of the mapping"))
  }

  @Test func devicesPairByTheMap() throws {
    let gpu = Device("cuda:0")
    let runs = [
      try fused("golden", 4), try fused("b", 4.1, device: gpu), try fused("c", 3.9, device: gpu),
    ]
    #expect(throws: ComparisonError.self) { try NoiseFloor(measuring: runs) }
    let floor = try NoiseFloor(measuring: runs, deviceMap: [(gpu, .cpu)])
    #expect(floor.entries.first?.worstPair == [1, 2])
    for map in [[(Device("cuda:1"), Device.cpu)], [(gpu, gpu)], [(gpu, .cpu), (gpu, .cpu)]] {
      #expect(throws: ComparisonError.self) {
        try NoiseFloor(measuring: runs, deviceMap: map.map { (actual: $0.0, expected: $0.1) })
      }
    }
  }

  @Test func onlyChosenModulesAreMeasured() throws {
    let calls: [Call] = [("a", [("outputs", [1, 2])]), ("b", [("outputs", [1])])]
    let other: [Call] = [("a", [("outputs", [1, 2])]), ("c", [("outputs", [1])])]
    let runs = [try run("x", calls), try run("y", other)]
    let floor = try NoiseFloor(measuring: runs, modules: [ModulePattern("^a$")])
    #expect(floor.entries.map(\.module) == ["a"])
    #expect(throws: ComparisonError.self) {
      try NoiseFloor(measuring: runs, modules: [ModulePattern("nothing")])
    }
  }
}
