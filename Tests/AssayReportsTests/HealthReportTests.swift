import AssayBase
import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Foundation
import Testing

@testable import AssayReports

@Suite struct HealthReportTests {
  private static func tensor(_ values: [Float]) throws -> Tensor {
    try Tensor(values, dtype: .float32, shape: Shape([2, values.count / 2]))
  }

  /// A layer that divides 0 by 0, and one that is dead.
  private static func sick(_ name: String = "layer.norm", path: String = "runs/sick") throws
    -> RunHealth
  {
    var run = InMemoryRun(path: path, id: "a")
    run.add(try tensor([1, 0, 3, 4]), name, "inputs_0")
    run.add(try tensor([1, .nan, .infinity, 4]), name, "outputs")
    run.add(try tensor([1, .nan, .infinity, 4]), "next", "inputs_0")
    run.add(try tensor([1, .nan, .infinity, 4]), "next", "outputs")
    run.add(try tensor([1, 2, 3, 4]), "dead", "inputs_0")
    run.add(try tensor([0, 0, 0, 0]), "dead", "outputs")
    return RunHealth.check(run)
  }

  private static func healthy() throws -> RunHealth {
    var run = InMemoryRun(path: "runs/fine")
    run.add(try tensor([1, 2, 3, 4]), "layer", "inputs_0")
    run.add(try tensor([1, -2, 3, 4]), "layer", "outputs")
    return RunHealth.check(run)
  }

  @Test func markdownSaysWhereAndOfWhat() throws {
    #expect(
      MarkdownReport.render(try Self.sick()) == """
        # Assay check: unhealthy

        ❌ **Unhealthy**: 2 findings; 6 tensors (24 elements) checked.
        First NaN or infinity: `layer.norm` in step 0, made here: nothing that it was given shows it.

        |  | value |
        | --- | --- |
        | path | `runs/sick` |
        | run | `a` |
        | steps | all |
        | modules | all |

        ## NaN and infinity

        2 more tensors inherit it.

        `layer.norm` in step 0: `outputs` on `cpu`, float32 [2, 2]: 2 of 4 elements are NaN or infinite (1 NaN, 1 inf), first at [0, 1]; finite ones from 1 to 4.
        Made here: nothing that it was given shows it.

        | given | form | min | max | NaN or infinite |
        | --- | --- | ---: | ---: | ---: |
        | `inputs_0` | float32 [2, 2] | 0 | 4 | – |

        ## Outputs that are all zero

        | step | module | slot | form | found | origin |
        | ---: | --- | --- | --- | --- | --- |
        | 0 | `dead` | `outputs` | float32 [2, 2] | all 4 elements are zero | made here: nothing that it was given shows it |

        """)
    #expect(
      MarkdownReport.render(try Self.healthy()).hasPrefix(
        "# Assay check: healthy\n\n✅ **Healthy**: 2 tensors (8 elements) checked, nothing found.\n")
    )
  }

  @Test func textIsShort() throws {
    #expect(
      TextReport.render(try Self.sick()) == """
        ✗ Unhealthy: 2 findings; 6 tensors (24 elements) checked.
          run        runs/sick

        NaN and infinity (2 more tensors inherit it)
          ✗ layer.norm in step 0, outputs on cpu: 2 of 4 elements are NaN or infinite (1 NaN, 1 inf), \
        first at [0, 1]; finite ones from 1 to 4
                     made here: nothing that it was given shows it
                     given inputs_0 0 to 4

        Outputs that are all zero
          ✗ dead in step 0, outputs on cpu: all 4 elements are zero
                     made here: nothing that it was given shows it

        """)
    #expect(TextReport.render(try Self.healthy(), inColor: true).contains("\u{1B}[1;32m✓ Healthy"))
  }

  @Test func summaryFitsAScreen() throws {
    var run = InMemoryRun(path: "run")
    for number in 0..<60 {
      run.add(try Self.tensor([1, 2, 3, 4]), "layer.\(number)", "inputs_0")
      run.add(try Self.tensor([1, .nan, 3, 4]), "layer.\(number)", "outputs")
      run.add(nil, "layer.\(number)", "outputs_1")
    }
    let health = RunHealth.check(run)
    let summary = MarkdownReport.summary(health)
    #expect(summary.split(separator: "\n", omittingEmptySubsequences: false).count <= 30)
    #expect(summary.contains("52 more are not shown") && summary.contains("18 more failures"))
    let text = FailureText.render(health, headline: "golden", reportPath: "report.md")
    #expect(text.hasPrefix("\"golden\" is not healthy: layer.0 in step 0, outputs on cpu: 1 of 4"))
    #expect(text.split(separator: "\n").count <= 20 && text.utf8.count <= 4096)
  }

  @Test func jsonHasTheFigures() throws {
    let json = try JSONValue(
      decoding: JSONReport.render(try Self.sick())
    ).members
    #expect(json?["schema"] == .string("assay.check/1"))
    #expect(json?["verdict"] == .string("unhealthy"))
    let first = json?["findings"]?.items?.first?.members
    #expect(first?["kind"] == .string("non_finite") && first?["nan"] == .integer(1))
    #expect(first?["first_non_finite_index"] == .array([.integer(0), .integer(1)]))
    #expect(json?["inherited"]?.members?["non_finite"] == .integer(2))
  }

  @Test func junitFailsTheCallThatMadeIt() throws {
    let tree = try XMLTree.parse(JUnitReport.render(try Self.sick(), named: "check"))
    #expect(tree["failures"] == "2" && tree["tests"] == "4")
    let text = JUnitReport.render(try Self.healthy(), named: "check")
    #expect(text.contains("failures=\"0\" errors=\"0\""))
    let nothing = JUnitReport.render(RunHealth.check(InMemoryRun(path: "run")), named: "check")
    #expect(nothing.contains("<failure type=\"check\" message=\"nothing was checked"))
  }

  @Test(arguments: SmallCase.hostileNames) func namesStayInTheirPlaces(_ name: String) throws {
    let health = try Self.sick(name, path: name)
    let page = HTMLReport.render(health)
    #expect(page.contains("<h1>") && !page.contains("<script"))
    #expect(page.components(separatedBy: "</tr>").count == 5)
    _ = try XMLTree.parse(JUnitReport.render(health, named: name))
    let rows = MarkdownReport.render(health).split(separator: "\n").filter { $0.hasPrefix("|") }
    #expect(rows.count == 6 + 3 + 3)
    #expect(TextReport.render(health).split(separator: "\n").allSatisfy { $0.utf8.count < 1000 })
    #expect(FailureText.render(health, headline: name).utf8.count <= 4096)
  }
}
