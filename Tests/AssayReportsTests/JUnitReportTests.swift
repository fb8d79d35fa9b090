import AssayComparison
import AssayReports
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Foundation
import Testing

@Suite struct JUnitReportTests {
  private func tree(
    _ comparisons: [(name: String, comparison: RunComparison)],
    failures: [(name: String, message: String)] = []
  ) throws -> XMLTree {
    try XMLTree.parse(JUnitReport.render(comparisons, failures: failures))
  }

  @Test func everyStepIsASuiteAndEveryCallACase() throws {
    let root = try tree([("small", SmallCase.comparison())])
    #expect(root.name == "testsuites")
    #expect(root.children.map(\.name) == ["testsuite", "testsuite"])
    #expect(root.children.map { $0["name"] } == ["small", "small step 0"])
    let cases = try #require(root.children.last).children
    #expect(
      cases.map { $0["name"] } == ["layer.up", "layer.down", "layer", "head|`<b>`\\n", "extra"])
    #expect(cases.allSatisfy { $0["classname"] == "small step 0" })
    #expect(
      cases.map { $0.children.map(\.name) } == [
        [], ["failure"], ["failure"], ["failure"], ["failure"],
      ])
    let failure = try #require(cases[1].children.first)
    #expect(failure["type"] == "values")
    #expect(
      failure["message"]
        == "layer.down in step 0: outputs on cpu has 1 of 4 elements outside the tolerance")
    #expect(
      failure.text == """
        outputs on cpu has 1 of 4 elements outside the tolerance
        worst: [1, 1]: actual 20, expected 16
        error: abs 4, rel 0.25
        cause: introduced
        """)
    #expect(
      cases[4].children.first?["message"]
        == "module extra is missing in step 0: the expected run calls it, the actual run does not")
  }

  @Test func totalsAreThoseOfTheCases() throws {
    var (actual, expected) = (InMemoryRun(path: "A"), InMemoryRun(path: "B"))
    let note = SkippedTensor(
      dtype: .float32, shape: .vector(9), device: .cpu, reason: "9 elements are too many")
    for step in 0..<3 {
      actual.add(try SmallCase.tensor([1, 2]), step: step, "good", "outputs")
      expected.add(try SmallCase.tensor([1, 2]), step: step, "good", "outputs")
      actual.add(try SmallCase.tensor([1, 2]), step: step, "bad", "outputs")
      expected.add(try SmallCase.tensor([1, 3]), step: step, "bad", "outputs")
      actual.add(nil, step: step, "damaged", "outputs")
      expected.add(try SmallCase.tensor([1, 3]), step: step, "damaged", "outputs")
      actual.add(nil, step: step, "large", "outputs", skipped: note)
      expected.add(nil, step: step, "large", "outputs", skipped: note)
    }
    expected.add(try SmallCase.tensor([1, 3]), step: 7, "late", "outputs")
    let comparison = try RunComparison.compare(
      actual: actual, expected: expected, options: .init(steps: [0, 1, 2, 7, 9]))
    let root = try tree([("x", comparison), ("y", comparison)], failures: [("tokens", "differ")])
    var totals = ["tests": 0, "failures": 0, "errors": 0]
    for suite in root.children {
      let counts = [
        "tests": suite.children.count,
        "failures": suite.children.count { $0.children.contains { $0.name == "failure" } },
        "errors": suite.children.count { $0.children.contains { $0.name == "error" } },
        "skipped": suite.children.count { $0.children.contains { $0.name == "skipped" } },
      ]
      for (key, value) in counts { #expect(suite[key] == "\(value)", "\(suite["name"]) \(key)") }
      for key in totals.keys { totals[key, default: 0] += counts[key] ?? 0 }
    }
    #expect(totals == ["tests": 29, "failures": 11, "errors": 6])
    for (key, value) in totals { #expect(root[key] == "\(value)", "\(key)") }
    let damaged = try #require(
      root.children.flatMap(\.children).first { $0["name"] == "damaged" }?.children.first)
    #expect(damaged.name == "error")
    #expect(damaged["message"].contains("could not be read: actual: A: its bytes are gone"))
    // No reader keeps more than one outcome of a case.
    #expect(root.children.flatMap(\.children).allSatisfy { $0.children.count <= 1 })
  }

  @Test func comparisonWithoutStepsStillHasACaseThatFails() throws {
    let empty = InMemoryRun(path: "A")
    let root = try tree([("e", try RunComparison.compare(actual: empty, expected: empty))])
    #expect(root["failures"] == "1")
    let failure = root.children.first?.children.first?.children.first
    #expect(failure?["message"].hasPrefix("nothing was compared") == true)
  }

  @Test func matchHasNoOutcomes() throws {
    var run = InMemoryRun(path: "A")
    run.add(try SmallCase.tensor([1, 2]), "a", "outputs")
    let text = JUnitReport.render([("m", try RunComparison.compare(actual: run, expected: run))])
    #expect(
      text == """
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="assay" tests="2" failures="0" errors="0">
          <testsuite name="m" tests="1" failures="0" errors="0" skipped="0">
            <testcase classname="m" name="comparison"/>
          </testsuite>
          <testsuite name="m step 0" tests="1" failures="0" errors="0" skipped="0">
            <testcase classname="m step 0" name="a"/>
          </testsuite>
        </testsuites>

        """)
  }

  @Test(arguments: SmallCase.hostileNames)
  func anyNameIsLegal(name: String) throws {
    var (actual, expected) = (InMemoryRun(path: name), InMemoryRun(path: name))
    actual.add(nil, name, "outputs_\(name)", device: Device(name))
    expected.add(try SmallCase.tensor([1, 3]), name, "outputs_\(name)", device: Device(name))
    expected.add(try SmallCase.tensor([1, 3]), name + "2", "outputs_\(name)", device: Device(name))
    let comparison = try RunComparison.compare(actual: actual, expected: expected)
    let text = JUnitReport.render([(name, comparison)], failures: [(name, name)])
    let root = try XMLTree.parse(text)
    #expect(root.children.count == 3)
    #expect(root["tests"] == "4" && root["failures"] == "3" && root["errors"] == "1")
    if name.utf8.count < 20,
      name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
    {
      let shown = root.children.last?.children.first?["name"] ?? ""
      // U+FFFE and the like are escaped, the rest stands as it is.
      #expect(shown == name || shown.contains("\\u{"))
    }
    #expect(
      text.unicodeScalars.allSatisfy {
        $0 == "\n" || $0.value >= 0x20 && $0.value != 0xFFFE && $0.value != 0xFFFF
      })
  }

  @Test func tenThousandFailingTensorsAreReported() throws {
    let count = 10_000
    var comparison = try SmallCase.comparison()
    let module = try #require(comparison.steps[0].modules.first { $0.call.module == "layer.down" })
    comparison.steps[0].modules = (0..<count).map { i in
      var copy = module
      copy.call.module = "m\(i / 100).\(i)"
      return copy
    }
    let text = JUnitReport.render([("big", comparison)])
    #expect(text.utf8.count < count * 640)
    #expect(text.contains("tests=\"\(count)\" failures=\"\(count)\""))
    let failure = FailureText.render(comparison, headline: "big", goldenPath: "b.h5")
    #expect(failure.utf8.count <= 4096)
    #expect(ChangeList(comparison).text.utf8.count <= 4096)
  }
}
