import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

/// One module that is called several times against one module for each call.
@Suite struct RepeatedCallsTests {
  private func shared(_ path: String, _ module: String, calls: Int) throws -> InMemoryRun {
    var run = InMemoryRun(path: path)
    for call in 0..<calls { run.add(try rows([Float(call), 1]), module, call: call, "outputs") }
    return run
  }

  private func separate(_ path: String, _ modules: [String]) throws -> InMemoryRun {
    try run(path, modules.enumerated().map { ($1, [("outputs", [Float($0), 1])]) })
  }

  private func note(_ comparison: RunComparison) -> String? {
    comparison.notes.first { $0.contains("calls one module") }
  }

  @Test func sharedLayersAreNamedBesideTheModules() throws {
    let shared = try shared("a", "encoder.group.0.attention", calls: 4)
    let layers = try separate("e", (0..<4).map { "layers.\($0).attention" })
    let text =
      "step 0: the actual run calls one module 4 times, encoder.group.0.attention, where the expected "
      + "run has a module for each call, layers.0.attention, layers.1.attention, … "
      + "layers.3.attention; its calls 0 to 3 and these are missing on the other side; a rule "
      + "of a mapping can say which call is which module: 'encoder.group.0.attention:(\\d+)' with a "
      + "name that has \\1 in it"
    #expect(note(try compareLive(shared, layers)) == text)
    let turned = try #require(note(try compareLive(layers, shared)))
    #expect(turned.hasPrefix("step 0: the expected run calls one module 4 times, encoder"))
    // A mapping that tries says so too, and names what has taken its place.
    var options = ComparisonOptions()
    options.mapping = try Mapping(
      yaml: #"rules: [{actual: 'encoder\.group\.0\.attention', expected: 'layers.0.attention'}]"#)
    let mapped = try compare(shared, layers, options)
    #expect(note(mapped)?.contains("4 times, encoder.group.0.attention") == true, "\(mapped.notes)")
    options.mapping = try Mapping(
      yaml: #"rules: [{actual: 'layers\.\d\.attention', expected: encoder.group.0.attention}]"#)
    let twice = try compare(layers, shared, options)
    let failure = try #require(twice.failures.first?.description)
    #expect(
      failure.contains(
        "pairs step 0 layers.1.attention outputs on cpu with step 0 encoder.group.0.attention outputs "
          + "on cpu, which is already paired with step 0 layers.0.attention outputs on cpu"))
    #expect(
      failure.contains("outputs on cpu by rule 1; no tensor pairs twice, unless the later rule"))
    // And so does the one that finds nothing to suggest.
    guard case .nothing(let reason) = try MappingSuggestion(actual: shared, expected: layers) else {
      return
    }
    #expect(reason == text)
  }

  /// vLLM's rotary embedding has the name of the first layer's, whose first call pairs.
  @Test func oneNameMayBeThatOfTheFirstModule() throws {
    let shared = try shared("a", "layers.0.rotary_emb", calls: 3)
    let layers = try separate("e", (0..<3).map { "layers.\($0).rotary_emb" })
    let text = try #require(note(try compareLive(shared, layers)))
    #expect(text.contains("calls one module 3 times, layers.0.rotary_emb"))
    #expect(text.contains("layers.1.rotary_emb, layers.2.rotary_emb; its calls 1 to 2"))
  }

  @Test func otherNumbersAndOtherEndsAreNoneOfIt() throws {
    let shared = try shared("a", "rotary_emb", calls: 3)
    #expect(note(try compare(shared, separate("e", ["l.0.rotary_emb", "l.1.rotary_emb"]))) == nil)
    #expect(note(try compare(shared, separate("e", ["l.0.norm", "l.1.norm", "l.2.norm"]))) == nil)
    let once = try run("a", [("x", [("outputs", [1])])])
    #expect(note(try compare(once, separate("e", ["l.0.x"]))) == nil)
  }
}
