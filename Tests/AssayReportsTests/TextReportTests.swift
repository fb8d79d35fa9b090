import AssayComparison
import AssayRuns
import AssayTensors
import Foundation
import Testing

@testable import AssayReports

@Suite struct TextReportTests {
  @Test func sparklineIsLogarithmic() {
    let errors = [0, 3e-8, 3e-7, 3e-6, 3e-5, 3e-4, 3e-3, 3e-2, 3e-1, .infinity]
    // From 1e-8 to 1 each bar stands for one power of ten.
    #expect(Sparkline.text(errors, width: 64, low: 1e-8, high: 1) == "·▁▂▃▄▅▆▇█∞")
  }

  @Test func sparklineShowsTheLargestOfEachPart() {
    #expect(Sparkline.text([0, 0, 1, 0, 0, 100], width: 3, low: 1, high: 100) == "·▁█")
    #expect(Sparkline.text([3, 3], width: 8, low: 3, high: 3) == "██")
    #expect(Sparkline.text([], width: 8, low: 1, high: 2) == "")
    #expect(
      Sparkline.text(Array(repeating: 1, count: 1000), width: 64, low: 1, high: 2).count == 64)
  }

  @Test func mismatchSaysWhatAndWhere() throws {
    let text = TextReport.render(try SmallCase.comparison())
    #expect(text.hasPrefix("✗ Mismatch: layer.down in step 0: "))
    #expect(text.contains("  cause      introduced here"))
    #expect(text.contains("  passes     rtol"))
    #expect(text.contains("\n  step 0     "))
    #expect(text.contains("✗ introduced"))
    #expect(!text.contains("\u{1B}"))
  }

  @Test func matchSaysHowMuch() throws {
    let run = try SmallCase.run("same", id: "a", weight: 1)
    let text = TextReport.render(try RunComparison.compare(actual: run, expected: run))
    #expect(text.hasPrefix("✓ Match: of 8 tensors 8 match; 0 of 32 elements outside.\n"))
    #expect(!text.contains("Error along"))
  }

  @Test func colourChangesNothingElse() throws {
    let comparison = try SmallCase.comparison()
    let colourful = TextReport.render(comparison, inColor: true)
    #expect(colourful.hasPrefix("\u{1B}[1;31m✗ Mismatch\u{1B}[0m: "))
    let plain = colourful.replacing(#/\u{1B}\[[0-9;]*m/#, with: "")
    #expect(plain == TextReport.render(comparison))
  }

  @Test func longRunsStayOnAScreen() throws {
    let errors = (0..<100).map { Float($0) * 1e-3 }
    let comparison = try GrowthPlotTests.comparison(Array(repeating: errors, count: 20))
    let text = TextReport.render(comparison)
    let lines = text.split(separator: "\n")
    #expect(lines.count <= 50)
    #expect(lines.filter { $0.contains("█") }.allSatisfy { $0.count < 120 })
    #expect(text.contains("and 12 more steps"))
  }

  @Test(arguments: SmallCase.hostileNames)
  func namesCannotReachTheTerminal(name: String) throws {
    let text = TextReport.render(try GrowthPlotTests.comparison([[0, 0.5]], name: name))
    let isPlain = text.unicodeScalars.allSatisfy {
      $0 == "\n" || $0.properties.generalCategory != .control
    }
    #expect(isPlain)
    #expect(text.split(separator: "\n").allSatisfy { $0.utf8.count < 700 })
  }
}

@Suite struct MarkdownSummaryTests {
  @Test func summaryIsOneScreen() throws {
    let errors = (0..<100).map { Float($0) * 1e-3 }
    for comparison in [
      try SmallCase.comparison(),
      try GrowthPlotTests.comparison(Array(repeating: errors, count: 20)),
    ] {
      let text = MarkdownReport.summary(comparison, wholeReport: "a.md", growthPlot: "p/growth.svg")
      #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count <= 31)
      #expect(text.hasPrefix("# Assay comparison: mismatch\n"))
      #expect(text.contains("](p/growth.svg)\n"))
      #expect(text.hasSuffix("\nThe whole report: `a.md`.\n"))
    }
  }

  @Test func summarySaysCauseAndTolerance() throws {
    let text = MarkdownReport.summary(try SmallCase.comparison())
    #expect(text.contains("- cause: introduced here"))
    #expect(text.contains("- smallest tolerance that would have hidden it: rtol"))
    #expect(text.contains("| `layer.down` |"))
    #expect(!text.contains("whole report"))
  }

  @Test func picturesAreReferredToOnlyWhereThereIsOne() throws {
    let comparison = try SmallCase.comparison()
    #expect(!MarkdownReport.render(comparison).contains("!["))
    #expect(
      MarkdownReport.render(comparison, growthPlot: "plots/growth.svg")
        .contains("\n![The error along execution order, on a log scale](plots/growth.svg)\n"))
  }
}
