import AssayComparison
import AssayReports
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

/// Every format names the call whose code made the error, not the innocent one that shows it.
@Suite struct BirthTextTests {
  private func run(_ path: String, _ attended: Float, mask: [Int] = [2]) throws -> InMemoryRun {
    var run = InMemoryRun(path: path)
    run.begin("attn")
    run.add(try SmallCase.tensor([1, 1]), "attn", "inputs_0")
    run.add(try Tensor([Float(1), 0], dtype: .float32, shape: Shape(mask)), "attn", "inputs_mask")
    for (module, slot, value) in [
      ("attn.v", "inputs_0", 1), ("attn.v", "outputs", 3), ("attn.o", "inputs_0", attended),
      ("attn.o", "outputs", attended), ("attn", "outputs", attended),
    ] as [(String, String, Float)] {
      run.add(try SmallCase.tensor([value, 1]), module, slot)
    }
    return run
  }

  private func comparison(_ actual: InMemoryRun, _ expected: InMemoryRun) throws -> RunComparison {
    try RunComparison.compare(actual: actual, expected: expected)
  }

  @Test func everyFormatNamesThePlaceOfBirth() throws {
    let comparison = try comparison(run("A", 5), run("B", 4))
    let markdown = "First divergence: `attn` in step 0, introduced: born after `v`, before `o`.\n"
    #expect(MarkdownReport.render(comparison).contains(markdown))
    #expect(MarkdownReport.summary(comparison).contains(markdown))
    let plain = "attn in step 0, introduced: born after v, before o: o: inputs_0 on cpu has"
    #expect(FailureText.sentence(comparison)?.hasPrefix(plain) == true)
    #expect(TextReport.render(comparison).hasPrefix("✗ Mismatch: " + plain))
    #expect(HTMLReport.render(comparison).contains("<p class=\"lede\">" + plain))
    #expect(JUnitReport.render([(name: "x", comparison: comparison)]).contains(plain))
    let text = FailureText.render(comparison, headline: "x", goldenPath: "g.h5")
    #expect(
      text.contains("cause:     introduced by the code of attn: all its recorded inputs match"))
    #expect(comparison.growthPlot.contains(">attn, before o</text>"))
    #expect(HTMLReport.render(comparison).contains("\"mark\":\"attn, before o\""))
    #expect(
      try String(decoding: JSONReport.render(comparison), as: UTF8.self)
        .contains(#""born_in":{"call":0,"module":"attn"}"#))
  }

  @Test func unknownInputsSayWhy() throws {
    var (actual, expected) = (try run("A", 5), try run("B", 4))
    actual.cover("attn", .state)
    expected.cover("attn", .filledState)
    let comparison = try comparison(actual, expected)
    #expect(
      MarkdownReport.render(comparison).contains(
        "**Unknown** whether `attn` introduced it: it was handed an object that is kept and "
          + "changed, such as a key-value cache, which is not compared."))
  }

  @Test func formIsToldAsForm() throws {
    let comparison = try comparison(run("A", 4, mask: [1, 1, 2]), run("B", 4))
    let report = MarkdownReport.render(comparison)
    #expect(report.contains("First divergence: `attn` in step 0, another form.\n"))
    #expect(report.contains("**Form**: its `inputs_mask` has another shape;"))
    #expect(!report.contains("born"))
    #expect(
      FailureText.sentence(comparison)
        == "attn in step 0: inputs_mask on cpu has shape [1, 1, 2] instead of [2]")
  }

  @Test func otherInputsAreSaidInOneSentence() throws {
    func run(_ path: String, _ values: [Float]) throws -> InMemoryRun {
      var run = InMemoryRun(path: path)
      run.add(
        try Tensor(values, dtype: .float32, shape: Shape([1, values.count])), "embed", "inputs_0")
      run.add(
        try Tensor(values, dtype: .float32, shape: Shape([1, values.count])), "embed", "outputs")
      return run
    }
    let longer = try comparison(run("A", [1, 2, 3]), run("B", [1, 2]))
    #expect(
      FailureText.sentence(longer)
        == "the run was given other inputs than the golden: of embed, the first recorded call, "
        + "inputs_0 has shape [1, 3] instead of [1, 2]; what follows differs for that reason")
    let other = try comparison(run("A", [1, 3]), run("B", [1, 2]))
    #expect(
      MarkdownReport.render(other).contains(
        "of `embed`, the first recorded call, `inputs_0` of shape [1, 2] differs in 1 of 2 elements;"
      ))
  }

  @Test func outputsAreToldByTheirNames() throws {
    func run(_ path: String, _ first: Float, _ second: Float) throws -> InMemoryRun {
      var run = InMemoryRun(path: path)
      run.add(try SmallCase.tensor([1, 1]), "a", "inputs_0")
      run.add(try SmallCase.tensor([first, 1]), "a", "outputs_0")
      run.add(try SmallCase.tensor([second, 1]), "a", "outputs_1")
      return run
    }
    let comparison = try comparison(run("A", 5, 8), run("B", 4, 4))
    #expect(
      MarkdownReport.render(comparison).contains(
        "its outputs differ by 0.25 (`outputs_0`) and at most 1 (`outputs_1`)"))
  }

  @Test func longReportIsCutOnATerminalAtASection() {
    let long =
      "# T\n\n## A\n\n" + String(repeating: "x\n", count: 50) + "## B\n\n"
      + String(repeating: "y\n", count: 100)
    let cut = MarkdownReport.onScreen(long, limit: 80)
    #expect(cut.contains("## A") && !cut.contains("## B") && cut.contains("--output FILE"))
    #expect(MarkdownReport.onScreen(long, limit: 1000) == long)
  }
}
