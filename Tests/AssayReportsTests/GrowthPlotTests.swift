import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Foundation
import Testing

@testable import AssayReports

@Suite struct GrowthPlotTests {
  /// Runs of some steps, each a chain of calls whose outputs differ from 1 by the given errors.
  static func comparison(
    _ steps: [[Float]], _ options: ComparisonOptions = .init(), name: String = "m"
  ) throws -> RunComparison {
    func run(_ path: String, _ scale: Float) throws -> InMemoryRun {
      var run = InMemoryRun(path: path, id: path)
      for (step, errors) in steps.enumerated() {
        for (position, error) in errors.enumerated() {
          run.add(
            try SmallCase.tensor([1 + scale * error, 1 + scale * error]), step: step,
            "\(name)\(position)", "outputs")
        }
      }
      return run
    }
    return try RunComparison.compare(
      actual: run("actual", 1), expected: run("expected", 0), options: options)
  }

  @Test func errorsAreOnALogarithmicScale() throws {
    let svg = try Self.comparison([[0, 0.125, 0.0125]]).growthPlot
    // The scale goes from the tolerance, 1e-5, to 1: five powers of ten over 202 points.
    let line = try #require(svg.firstMatch(of: #/class="main" points="([^"]*)"/#)?.1)
    let points = line.split(separator: " ").map {
      $0.split(separator: ",").compactMap { Double($0) }
    }
    #expect(points.map(\.[0]) == [56, 450, 844])
    #expect(points[0][1] == 274)
    #expect(abs(points[2][1] - points[1][1] - 202 / 5.0) < 0.2)
    #expect(svg.contains(">1e-5</text>"))
    #expect(svg.contains("dashed: rtol 1e-5, the relative part of the tolerance"))
  }

  @Test func firstDivergenceIsMarked() throws {
    let svg = try Self.comparison([[0, 0], [0, 0.5]]).growthPlot
    #expect(svg.contains("step 1, thin: 1 other step"))
    #expect(svg.contains(">m1</text>"))
    #expect(svg.contains("<circle class=\"dot\" cx=\"844\""))
    let match = try Self.comparison([[0, 1e-6]]).growthPlot
    #expect(!match.contains("<circle"))
  }

  @Test func picturesAreBounded() throws {
    let errors = (0..<1000).map { 0.001 * Float($0 % 17) }
    let long = try Self.comparison([errors]).growthPlot
    #expect(long.split(separator: "\n").map { $0.split(separator: " ").count }.max() ?? .max < 900)
    let svg = try Self.comparison(Array(repeating: [0, 0.5], count: 40)).growthPlot
    #expect(svg.components(separatedBy: "class=\"curve\"").count - 1 == 24)
  }

  @Test func infiniteErrorsHaveALineOfTheirOwn() throws {
    let svg = try Self.comparison([[0.5, .infinity]]).growthPlot
    #expect(svg.contains(">inf</text>"))
    #expect(svg.contains("844,50\""))
  }

  @Test func nothingToDrawIsSaid() throws {
    #expect(try Self.comparison([]).growthPlot.contains("No outputs were compared."))
  }

  @Test(arguments: SmallCase.hostileNames)
  func hostileNamesStayText(name: String) throws {
    let svg = try Self.comparison([[0, 0.5]], name: name).growthPlot
    let harmless = try Self.comparison([[0, 0.5]]).growthPlot
    #expect(svg.count { $0 == "<" } == harmless.count { $0 == "<" })
    #expect(svg.count { $0 == ">" } == harmless.count { $0 == ">" })
  }

  @Test func limitsComeFromTheRuleThatDecides() throws {
    func limit(_ criterion: ToleranceRule.Criterion) throws -> Double? {
      let rule = ToleranceRule(module: try ModulePattern(".*"), criterion: criterion)
      let comparison = try Self.comparison(
        [[0.5]], .init(tolerance: .rules(ToleranceRules([rule]))))
      return comparison.steps[0].modules[0].growthLimit(under: comparison.options.tolerance)
    }
    func bound(_ text: String) throws -> Double? {
      try limit(.bound(MetricBound(parsing: text)))
    }
    #expect(try limit(.elementwise(ElementRule(rtol: 0.25, atol: 0), outliers: .none)) == 0.25)
    #expect(try bound("rel_l2 <= 1e-3") == 1e-3)
    #expect(try bound("cosine >= 0.9 and worst_row <= 0.5 and rel_l2 <= 0.25") == 0.25)
    #expect(try bound("worst_row <= 0.5 or rel_l2 <= 0.25") == 0.5)
    #expect(try bound("worst_row <= 0.5 or cosine >= 0.9") == nil)
    #expect(try bound("max_abs <= 1") == nil)
  }
}
