import AssayComparison
import AssayReports
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Foundation
import Testing

@Suite struct FailureTextTests {
  @Test func tokensAndTheLargestErrorAreNamed() throws {
    func run(_ path: String, _ isActual: Bool) throws -> InMemoryRun {
      var run = InMemoryRun(path: path)
      func add(_ module: String, _ slot: String, _ values: [Float]) throws {
        run.add(
          try Tensor(values, dtype: .float32, shape: Shape([1, values.count])), step: 0, module,
          slot)
      }
      for (module, error) in [("a", Float(0.01)), ("b", 0.5)] {
        try add(module, "inputs_0", [1, 0])
        try add(module, "outputs", [isActual ? 1 + error : 1, 0])
      }
      try add("lm_head", "inputs_0", [isActual ? 1.5 : 1, 0])
      try add("lm_head", "outputs", isActual ? [1, 3, 2] : [1, 2, 3])
      return run
    }
    let comparison = try RunComparison.compare(actual: run("a", true), expected: run("e", false))
    let text = FailureText.render(
      comparison, headline: "x", goldenPath: "e", reportPath: nil)
    #expect(text.contains("largest:   b in step 0 adds a larger error of its own: 0.5"))
    #expect(
      text.contains(
        "tokens:    greedy decoding takes 1 instead of 2 in step 0, where that has rank 2"))
  }

  private func pair() throws -> (actual: InMemoryRun, golden: InMemoryRun) {
    var runs = (actual: InMemoryRun(path: "live"), golden: InMemoryRun(path: "g.h5"))
    for step in 0..<2 {
      for module in ["a", "b"] {
        let tensor = try SmallCase.tensor([1, 2, 3, 4])
        runs.actual.add(tensor, step: step, module, "outputs")
        runs.golden.add(tensor, step: step, module, "outputs")
      }
    }
    return runs
  }

  private func text(
    _ runs: (actual: InMemoryRun, golden: InMemoryRun), _ options: ComparisonOptions = .init()
  ) throws -> String {
    let comparison = try RunComparison.compare(
      actual: runs.actual, expected: runs.golden, options: options)
    return FailureText.render(comparison, headline: "set/case", goldenPath: "Golden/set/case.h5")
  }

  @Test func skeletonIsFixed() throws {
    let text = FailureText.render(
      try SmallCase.comparison(), headline: "set/small", goldenPath: "Golden/set/small.h5",
      reportPath: ".build/assay/small.md", rerecord: "ASSAY_RECORD=failed swift test")
    #expect(
      text == """
        Golden "set/small" does not match: layer.down in step 0: outputs on cpu has 1 of 4 elements \
        outside the tolerance.
          cause:     introduced here: its inputs are equal, its outputs differ by 0.2 (relative \
        L2 of the worst row)
          also:      module extra is missing in step 0: the golden calls it, the run does not
          counts:    of 9 tensors 4 match, 4 differ, 1 missing in the run; 4 of 32 elements outside
          tensor:    outputs on cpu, float32 [2, 2]
          worst:     [1, 1]: actual 20, expected 16
          error:     abs 4, rel 0.25
          tolerance: rtol 1e-5, atol 1e-8
          passes:    rtol 0.25 at atol 1e-8, or atol 4 at rtol 1e-5
          golden:    Golden/set/small.h5
          made by:   assay 1 with pytorch at 2026-01-01T00:00:00Z; approved by nobody
          actual:    runs/actual
          report:    .build/assay/small.md
          re-record: ASSAY_RECORD=failed swift test
        """)
  }

  @Test func aGoldenThatNoTestMadeIsChangedByApproval() throws {
    var runs = try pair()
    runs.actual.add(try SmallCase.tensor([1, 2]), "c", "outputs")
    runs.golden.add(try SmallCase.tensor([1, 3]), "c", "outputs")
    let change =
      "again, and: assay approve RUN Golden/set/case.h5 --message WHY"
    #expect(try text(runs).contains("\n  made by:   an unknown tool; approved by nobody\n"))
    #expect(try text(runs).hasSuffix("\n  to change: never by a test: record a run \(change)"))
    var provenance = Provenance(
      tool: "assay_torch", toolVersion: "0.1.0", created: "2026-01-01T00:00:00Z")
    provenance.framework = "pytorch"
    provenance.frameworkVersion = "2.13.0"
    provenance.modelHash = "sha256:0123456789abcdef"
    provenance.approvals = [
      Approval(by: "Ada", to: "x", date: Date(timeIntervalSince1970: 0), reason: "why")
    ]
    runs.golden.manifest.provenance = provenance
    #expect(
      try text(runs).contains(
        "\n  made by:   assay_torch 0.1.0 with pytorch 2.13.0 at 2026-01-01T00:00:00Z, model "
          + "sha256:0123456789ab; approved by Ada at 1970-01-01T00:00:00Z\n"))
    #expect(
      try text(runs).hasSuffix(
        "\n  to change: never by a test: record a run with assay_torch \(change)"))
    provenance.tool = "AssayTesting"
    runs.golden.manifest.provenance = provenance
    #expect(try !text(runs).contains("to change"))
  }

  @Test func twoRunsAreNoGolden() throws {
    let text = FailureText.render(runs: try SmallCase.comparison(), reportPath: "report.md")
    #expect(
      text.hasPrefix(
        "The actual run does not match the expected one: layer.down in step 0: outputs on cpu has "
          + "1 of 4 elements outside the tolerance.\n"))
    #expect(text.hasSuffix("\n  expected:  runs/ex|pected\n  report:    report.md"))
    #expect(!text.contains("golden"))
  }

  @Test func matchSaysSo() throws {
    #expect(try text(pair()).hasPrefix("Golden \"set/case\" matches.\n"))
    let comparison = try RunComparison.compare(actual: pair().actual, expected: pair().golden)
    #expect(FailureText.sentence(comparison) == nil)
  }

  @Test func valuesHaveTheirSentence() throws {
    var runs = try pair()
    runs.actual.add(try SmallCase.tensor([1, 2]), "c", "outputs")
    runs.golden.add(try SmallCase.tensor([1, 3]), "c", "outputs")
    #expect(
      try text(runs).hasPrefix(
        "Golden \"set/case\" does not match: c in step 0: outputs on cpu has 1 of 2 elements "
          + "outside the tolerance.\n"))
  }

  @Test func notANumberHasItsSentence() throws {
    var runs = try pair()
    runs.actual.add(try SmallCase.tensor([1, .nan]), "c", "outputs")
    runs.golden.add(try SmallCase.tensor([1, 3]), "c", "outputs")
    let text = try text(runs)
    #expect(
      text.contains(
        ": c in step 0: outputs on cpu has 1 NaN where the golden has none (first at [1, 0]); "
          + "1 of 2 elements outside the tolerance.\n"))
    // The only finite pair is equal, which would mislead.
    #expect(!text.contains("worst:") && !text.contains("error:"))
    #expect(text.contains("\n  passes:    none: NaN or infinite values differ\n"))
  }

  @Test func notANumberOnBothSidesHasItsSentence() throws {
    var runs = try pair()
    runs.actual.add(try SmallCase.tensor([1, .nan]), "c", "outputs")
    runs.golden.add(try SmallCase.tensor([1, .nan]), "c", "outputs")
    #expect(
      try text(runs).contains(
        "outputs on cpu has 1 NaN, as the golden has, but NaN does not match NaN under this "
          + "tolerance; 1 of 2"))
  }

  @Test func infinityHasItsSentence() throws {
    var runs = try pair()
    runs.actual.add(try SmallCase.tensor([.infinity, .infinity]), "c", "outputs")
    runs.golden.add(try SmallCase.tensor([1, .infinity]), "c", "outputs")
    #expect(
      try text(runs).contains("outputs on cpu has 2 infinite values where the golden has 1 (first"))
  }

  @Test func shapeAndDTypeHaveTheirSentences() throws {
    var runs = try pair()
    runs.actual.add(try SmallCase.tensor([1, 2, 3, 4]), "c", "outputs")
    runs.golden.add(try SmallCase.tensor([1, 2]), "c", "outputs")
    #expect(
      try text(runs).contains(": c in step 0: outputs on cpu has shape [2, 2] instead of [2, 1]."))

    runs = try pair()
    runs.actual.add(
      try Tensor([1, 2] as [Double], dtype: .float64, shape: .vector(2)), "c", "outputs")
    runs.golden.add(
      try Tensor([1, 2] as [Float], dtype: .float32, shape: .vector(2)), "c", "outputs")
    #expect(
      try text(runs).contains(
        ": c in step 0: outputs on cpu has dtype torch.float64 instead of torch.float32"))
  }

  @Test func missingAndExtraModulesHaveTheirSentences() throws {
    var runs = try pair()
    runs.golden.add(try SmallCase.tensor([1, 2]), "c", call: 1, "outputs")
    #expect(
      try text(runs).contains(
        ": module c (call 1) is missing in step 0: the golden calls it, the run does not.\n"))
    runs = try pair()
    runs.actual.add(try SmallCase.tensor([1, 2]), "c", "outputs")
    #expect(
      try text(runs).contains(
        ": module c is extra in step 0: the run calls it, the golden does not.\n"))
  }

  @Test func missingAndExtraTensorsHaveTheirSentences() throws {
    var runs = try pair()
    runs.golden.add(try SmallCase.tensor([1, 2]), "a", "outputs_1")
    #expect(
      try text(runs).contains(": a in step 0: outputs_1 on cpu is missing: only the expected"))
    runs = try pair()
    runs.actual.add(try SmallCase.tensor([1, 2]), "a", "outputs_1")
    #expect(try text(runs).contains(": a in step 0: outputs_1 on cpu is extra: only the actual"))
  }

  @Test func missingAndExtraStepsHaveTheirSentences() throws {
    var runs = try pair()
    runs.golden.add(try SmallCase.tensor([1, 2]), step: 2, "a", "outputs")
    #expect(try text(runs).contains(": step 2 is missing: the golden has it, the run does not.\n"))
    runs = try pair()
    runs.actual.add(try SmallCase.tensor([1, 2]), step: 2, "a", "outputs")
    #expect(try text(runs).contains(": the actual run has 3 steps, but the expected run only 2.\n"))
  }

  @Test func unreadableHasItsSentence() throws {
    var runs = try pair()
    runs.actual.add(try SmallCase.tensor([1, 2]), "c", "outputs")
    runs.golden.add(nil, "c", "outputs")
    #expect(
      try text(runs).contains(
        ": c in step 0: outputs on cpu could not be read: expected: g.h5: its bytes are gone.\n"))
  }

  @Test func nothingComparedHasItsSentence() throws {
    let runs = (actual: InMemoryRun(path: "live"), golden: try pair().golden)
    #expect(try text(runs).hasPrefix("Golden \"set/case\" does not match: nothing was compared: "))
    let patterns = [try ModulePattern("zzz")]
    let text = try text(pair(), .init(modules: patterns))
    #expect(text.contains("the pattern \"zzz\" matches no module of either run.\n"))
    #expect(text.contains("\n  also:      nothing was compared"))
  }

  @Test func nothingRecordedHasItsSentence() throws {
    let live = LiveComparison(expected: try pair().golden)
    let comparison = try live.finish(
      path: "live", manifest: RunManifest(id: "r"),
      ending: .nothing(reason: "the model announced no module call"))
    let text = FailureText.render(comparison, headline: "x", goldenPath: "g.h5")
    #expect(
      text.hasPrefix(
        "Golden \"x\" does not match: nothing was recorded, so nothing was compared: the model "
          + "announced no module call.\n"))
  }

  @Test func unmatchedByRulesHasItsSentence() throws {
    let rules = ToleranceRules([
      ToleranceRule(
        module: try ModulePattern("a"), criterion: .elementwise(.exact, outliers: .none))
    ])
    let text = try text(pair(), .init(tolerance: .rules(rules)))
    #expect(
      text.contains(
        ": no tolerance rule matches 2 tensors, the first of which is step 0 b outputs on cpu; add "
          + "a rule for it"))
  }

  @Test func otherTokensHaveTheirSentence() throws {
    var comparison = try RunComparison.compare(actual: pair().actual, expected: pair().golden)
    comparison.failures.append(.otherTokens(actual: [1, 2], expected: [1, 3]))
    #expect(!comparison.isMatch)
    let text = FailureText.render(comparison, headline: "x", goldenPath: "g.h5")
    #expect(text.contains("does not match: \(comparison.failures[0])."))
    #expect(text.contains("\n  counts:    of 4 tensors 4 match; 0 of 16 elements outside\n"))
  }

  @Test func boundsSayWhatTheyMissed() throws {
    var runs = try pair()
    runs.actual.add(try SmallCase.tensor([1, 2]), "c", "outputs")
    runs.golden.add(try SmallCase.tensor([1, 4]), "c", "outputs")
    let rules = ToleranceRules([
      ToleranceRule(module: try ModulePattern(""), criterion: .bound(.atMost(.maxAbs, 0.5)))
    ])
    let text = try text(runs, .init(tolerance: .rules(rules)))
    #expect(
      text.contains(
        ": c in step 0: outputs on cpu is outside the tolerance: max_abs 2 is not <= 0.5.\n"))
    #expect(text.contains("\n  tolerance: 1 rule\n"))
  }

  @Test func isolatedCausesSayWhatTheModuleWasGiven() throws {
    let comparison = try SmallCase.comparison(.init(.init(), isIsolated: true))
    let text = FailureText.render(comparison, headline: "x", goldenPath: "g.h5")
    #expect(text.contains("\n  cause:     introduced here: given the golden's inputs, its outputs"))
  }

  @Test func inheritedErrorsNameTheirSource() throws {
    var runs = try pair()
    for (module, slot, values) in [
      ("p", "inputs_0", [1, 1]), ("p.q", "outputs", [1, 2]), ("p.r", "inputs_0", [1, 3]),
      ("p.r", "outputs", [1, 4]),
    ] as [(String, String, [Float])] {
      runs.golden.add(try SmallCase.tensor(values), module, slot)
      runs.actual.add(
        try SmallCase.tensor(module == "p.r" ? values.map { $0 + 1 } : values), module, slot)
    }
    let text = try text(runs)
    #expect(text.contains("\n  cause:     inherited: its inputs already differ by "))
    #expect(text.contains("\n  born:      inside p, after q, before r\n"))
  }

  @Test(arguments: SmallCase.hostileNames)
  func anyNameStaysInItsLine(name: String) throws {
    var runs = (actual: InMemoryRun(path: name), golden: InMemoryRun(path: name))
    for module in [name, name + ".x", "y"] {
      runs.golden.add(try SmallCase.tensor([1, 2]), module, "inputs_\(name)", device: Device(name))
      runs.actual.add(try SmallCase.tensor([1, 3]), module, "inputs_\(name)", device: Device(name))
      runs.golden.add(nil, module, "outputs_\(name)", device: Device(name))
      runs.golden.add(nil, step: 3, module, "outputs_\(name)", device: Device(name))
    }
    let comparison = try RunComparison.compare(actual: runs.actual, expected: runs.golden)
    let text = FailureText.render(
      comparison, headline: name, goldenPath: name, reportPath: name, rerecord: name)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count <= 20)
    #expect(text.utf8.count <= 4096)
    #expect(lines.dropFirst().allSatisfy { $0.hasPrefix("  ") && $0.contains(":") })
    #expect(
      text.unicodeScalars.allSatisfy {
        $0 == "\n" || $0.properties.generalCategory != .control && $0 != "\u{202E}"
      })
    #expect(lines.last?.hasPrefix("  re-record: ") == true)
  }
}
