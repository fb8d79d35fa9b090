import AssayComparison
import AssayReports
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Foundation
import Testing

@Suite struct MarkdownReportTests {
  @Test func smallCaseReadsAsApproved() throws {
    let report = MarkdownReport.render(try SmallCase.comparison())
    #expect(report == (try SmallCase.fixture("small-case.md")))
  }

  @Test(arguments: [false, true])
  func everyTableRowHasAsManyCellsAsItsHeading(verbose: Bool) throws {
    let report = MarkdownReport.render(try SmallCase.comparison(), verbose: verbose)
    var cells: Int?
    var rows = 0
    for line in report.split(separator: "\n", omittingEmptySubsequences: false) {
      guard line.hasPrefix("|") else {
        cells = nil
        continue
      }
      // `\|` is a character of a cell, `|` its end.
      let count = line.replacing("\\|", with: "").count { $0 == "|" }
      #expect(line.hasSuffix(" |") && count == cells ?? count, "\(line)")
      cells = count
      rows += 1
    }
    #expect(rows > 40)
  }

  @Test func verboseShowsMatchingTensorsToo() throws {
    let comparison = try SmallCase.comparison()
    #expect(!MarkdownReport.render(comparison).contains("## All tensors"))
    let report = MarkdownReport.render(comparison, verbose: true)
    #expect(report.contains("| 0 | `layer.up` | `inputs_0` | `cpu` | float32 | [2, 2] | match |"))
  }

  @Test func matchStillSaysHowMuchAndHowClose() throws {
    let run = try SmallCase.run("A", id: "a", weight: 1)
    let close = try SmallCase.run("B", id: "b", weight: 1.000001)
    let comparison = try RunComparison.compare(actual: run, expected: close)
    let report = MarkdownReport.render(comparison)
    #expect(comparison.firstDivergence?.call.module == "head|`<b>`\n")
    let loose = try RunComparison.compare(
      actual: run, expected: close,
      options: .init(tolerance: try Tolerance(rtol: 1e-3, atol: 1e-3)))
    let matching = MarkdownReport.render(loose)
    #expect(matching.hasPrefix("# Assay comparison: match\n\n✅ **Match**: 8 tensors (32 elements)"))
    #expect(matching.contains("begin to differ in step 0 at `layer.down`, `outputs`"))
    #expect(matching.contains("| max_abs | 1.53e-5 | step 0, `layer.down`, `outputs` |"))
    #expect(report.hasPrefix("# Assay comparison: mismatch\n"))
  }

  @Test func failuresOfTheWholeAreShown() throws {
    let empty = InMemoryRun(path: "nothing_here")
    let comparison = try RunComparison.compare(
      actual: empty, expected: empty, options: .init(steps: [3]))
    let report = MarkdownReport.render(comparison)
    #expect(report.contains("- **Failure**: step 3 was selected, but neither run has it.\n"))
    #expect(report.contains("- **Failure**: nothing was compared"))
  }

  /// Three digits rounded to the nearest would fail where they are smaller than the bound.
  @Test(arguments: [1, 1.0001, 1.0034, 3.14159, 9.996, 0.1, 700.03, 1e-30, 3e38] as [Float])
  func printedBoundsPassWhenTyped(value: Float) throws {
    var (actual, expected) = (InMemoryRun(path: "A"), InMemoryRun(path: "B"))
    actual.add(try SmallCase.tensor([value, 0]), "a", "outputs")
    expected.add(try SmallCase.tensor([value * 0.7003, 0]), "a", "outputs")
    func report(rtol: Double, atol: Double) throws -> String {
      MarkdownReport.render(
        try RunComparison.compare(
          actual: actual, expected: expected,
          options: .init(tolerance: try Tolerance(rtol: rtol, atol: atol))))
    }
    let (rtol, atol) = (1.234567e-9, 7.654321e-41)
    let text = try report(rtol: rtol, atol: atol)
    #expect(text.contains("| rtol | 1.234567e-9 |"))
    let line =
      /passes \| rtol (?<rtol>\S+) at atol 7.654321e-41, or atol (?<atol>\S+) at rtol 1.234567e-9 \|/
    let match = try #require(text.firstMatch(of: line))
    let smallestRtol = try #require(Double(match.rtol))
    let smallestAtol = try #require(Double(match.atol))
    for (rtol, atol) in [(smallestRtol, atol), (rtol, smallestAtol)] {
      #expect(try report(rtol: rtol, atol: atol).hasPrefix("# Assay comparison: match\n"))
    }
    for (rtol, atol) in [(smallestRtol * 0.98, atol), (rtol, smallestAtol * 0.98)] {
      #expect(try report(rtol: rtol, atol: atol).hasPrefix("# Assay comparison: mismatch\n"))
    }
  }

  @Test func rulesSayWhatTheyDecided() throws {
    let pattern = { (text: String) in try ModulePattern(text) }
    let rules = ToleranceRules(
      [
        ToleranceRule(
          module: try pattern("up|layer$"), slot: try pattern("^out"), dtype: .float32,
          steps: [3, 0], device: .cpu,
          criterion: .elementwise(try ElementRule(rtol: 1e-3, atol: 0), outliers: .share(0.5))),
        ToleranceRule(
          module: try pattern("down"), equalNaN: true,
          criterion: .bound(
            .all([
              .atMost(.relativeL2, 1e-3), .any([.atLeast(.cosine, 0.99), .atMost(.maxAbs, 1)]),
            ]))),
      ], source: "Golden/tolerances|.yml")
    let report = MarkdownReport.render(
      try SmallCase.comparison(.init(tolerance: .rules(rules))))
    for line in [
      "| tolerance | 2 rules of <code>Golden/tolerances&#124;.yml</code> |",
      """
      ## Tolerance rules

      The first rule that matches a tensor decides about it.

      | rule | module | only | criterion | tensors | failing |
      | ---: | --- | --- | --- | ---: | ---: |
      | 1 | <code>up&#124;layer&#36;</code> | slot `^out`; dtype float32; step 0, 3; device `cpu` | \
      rtol 0.001, atol 0, 50 % outliers | 2 | 0 |
      | 2 | `down` | – | `rel_l2 <= 0.001 and (cosine >= 0.99 or max_abs <= 1)`, equal NaN | 2 | 1 |
      | none | – | – | equal | 4 | 2 |

      """,
      "- **Failure**: no tolerance rule matches 4 tensors, the first of which is step 0",
      "`outputs` on `cpu` fails: rel_l2 0.1826 is not \\<= 0.001.\n",
      "| smallest tolerance that passes | none: a bound of other figures decides |",
      "| min_rtol | min_atol | rule |\n", "| 0.25 | 4 | 2 |\n", "| 1 | none |\n",
      "| rule | 2 |\n", "| rule | none |\n",
    ] {
      #expect(report.contains(line), "\(line)")
    }
  }

  @Test func noPairOfTolerancesIsNamedWhereBoundsDecide() throws {
    let bound = ToleranceRule(
      module: try ModulePattern("."), criterion: .bound(.atMost(.relativeL2, 1e-3)))
    let report = MarkdownReport.render(
      try SmallCase.comparison(.init(tolerance: .rules(ToleranceRules([bound])))))
    #expect(report.contains("## Largest errors") && report.contains("| max_abs |"))
    #expect(!report.contains("that passes all"))
  }

  @Test func isolatedRunsSaySoAndNothingGrows() throws {
    let options = ComparisonOptions(.init(), sides: [.outputs, .inputs], isIsolated: true)
    let comparison = try SmallCase.comparison(options)
    let report = MarkdownReport.render(comparison)
    #expect(report.contains("| sides | inputs, outputs |\n"))
    #expect(
      report.contains("| isolated | yes: every module was given the expected run's inputs |\n"))
    #expect(
      report.contains("**Introduced** here: given the expected run's inputs, its outputs differ"))
    #expect(!report.lowercased().contains("grow"))
    #expect(!report.contains("input error"))
  }

  @Test func lastApprovalIsShown() throws {
    var comparison = try SmallCase.comparison()
    var provenance = try #require(comparison.expected.manifest.provenance)
    provenance.approvals = ["first", "Ada"].map {
      Approval(by: $0, to: "b", date: Date(timeIntervalSince1970: 0))
    }
    comparison.expected.manifest.provenance = provenance
    let report = MarkdownReport.render(comparison)
    #expect(report.contains("| approved by | – | `Ada, 1970-01-01T00:00:00Z` |\n"))
  }

  @Test func infiniteFiguresAreShown() throws {
    var (actual, expected) = (InMemoryRun(path: "A"), InMemoryRun(path: "B"))
    actual.add(try SmallCase.tensor([1, .infinity]), "a", "outputs")
    expected.add(try SmallCase.tensor([0, 2]), "a", "outputs")
    let report = MarkdownReport.render(
      try RunComparison.compare(actual: actual, expected: expected))
    #expect(report.contains("| smallest tolerance that passes | none: NaN or infinite values"))
    #expect(report.contains("| max_rel | inf at [0, 0]: actual 1, expected 0 |"))
  }

  @Test func detailsAreBounded() throws {
    var (actual, expected) = (InMemoryRun(path: "A"), InMemoryRun(path: "B"))
    for i in 0..<60 {
      actual.add(try SmallCase.tensor([1, 2]), "m\(i)", "outputs")
      expected.add(try SmallCase.tensor([1, 3]), "m\(i)", "outputs")
    }
    let comparison = try RunComparison.compare(actual: actual, expected: expected)
    let report = MarkdownReport.render(comparison)
    #expect(report.count(of: "\n#### ") == 50)
    #expect(report.contains("10 more failing tensors without details.\n"))
    #expect(MarkdownReport.render(comparison, verbose: true).count(of: "\n#### ") == 60)
  }
}

extension String {
  fileprivate func count(of part: String) -> Int { ranges(of: part).count }
}
