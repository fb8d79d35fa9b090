import AssayBase
import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Foundation
import Testing

@testable import AssayReports

@Suite struct HTMLReportTests {
  /// The figures that stand in a page.
  private func data(_ page: String) throws -> JSONValue {
    let start = try #require(page.range(of: #"<script type="application/json" id="data">"#))
    let end = try #require(page.range(of: "</script>", range: start.upperBound..<page.endIndex))
    let text = page[start.upperBound..<end.lowerBound]
    return try JSONValue(decoding: Data(text.utf8))
  }

  @Test func verdictStandsInThePage() throws {
    let page = HTMLReport.render(try SmallCase.comparison())
    #expect(page.hasPrefix("<!DOCTYPE html>\n"))
    #expect(page.hasSuffix("</html>\n"))
    #expect(page.contains("</span> Mismatch</h1>"))
    #expect(page.contains("<code>layer.down</code>"))
    #expect(page.contains("<b>4</b> of 9"))
    #expect(page.contains("introduced here"))
  }

  @Test func matchSaysSo() throws {
    let run = try SmallCase.run("same", id: "a", weight: 1)
    let page = HTMLReport.render(try RunComparison.compare(actual: run, expected: run))
    #expect(page.contains("</span> Match</h1>"))
    #expect(page.contains("Every value that was compared is equal."))
    #expect(try data(page)["first"] == .null)
  }

  @Test func tokensStandInTheirSection() throws {
    func run(_ logits: [Float]) throws -> InMemoryRun {
      var run = InMemoryRun(path: "run")
      run.add(
        try Tensor(logits, dtype: .float32, shape: Shape([1, 3])), step: 0, "lm_head", "outputs")
      return run
    }
    let page = HTMLReport.render(
      try RunComparison.compare(actual: run([1, 3, 2]), expected: run([1, 2, 3])))
    #expect(page.contains("Greedy decoding first takes another token in step 0: 1 instead of 2"))
    #expect(page.contains("<th scope=\"row\" class=\"n\">0</th><td class=\"n\">2</td>"))
    #expect(!HTMLReport.render(try SmallCase.comparison()).contains("Greedy"))
    // What is not known is not said to be the same.
    let broken = HTMLReport.render(
      try RunComparison.compare(actual: run([1, .nan, 2]), expected: run([1, 2, 3])))
    #expect(broken.contains("Greedy decoding has no token in step 0"))
    #expect(!broken.contains("the same token"))
  }

  @Test func nothingIsFetched() throws {
    let page = HTMLReport.render(try SmallCase.comparison())
    #expect(page.contains("default-src 'none'"))
    for fetch in ["http:", "https:", "src=", "@import", "url("] {
      // The name of SVG is a name, though it looks like an address.
      let text = page.replacing("http://www.w3.org/2000/svg", with: "")
      #expect(!text.contains(fetch), "\(fetch)")
    }
  }

  @Test func columnsHaveOneEntryForEachTensor() throws {
    let comparison = try SmallCase.comparison()
    let data = try data(HTMLReport.render(comparison))
    let tensors = comparison.steps.flatMap { $0.modules.flatMap(\.tensors) }
    guard case .object(let columns) = data["tensors"], case .object(let calls) = data["calls"]
    else {
      throw Missing()
    }
    #expect(columns.values.allSatisfy { $0.items?.count == tensors.count })
    let modules = comparison.steps.flatMap(\.modules)
    #expect(calls.values.allSatisfy { $0.items?.count == modules.count })
    let largest = tensors.map { $0.difference?.maxAbs?.value }
    #expect(
      data["tensors"]["max_abs"].items
        == largest.map { $0.map { $0 == 0 ? .integer(0) : .integer(Int64($0)) } ?? .null })
  }

  @Test(
    arguments: SmallCase.hostileNames + [
      "</script><script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "<!--<script>",
      "' onfocus=alert(1) autofocus='", "\u{2028}\u{2029}\\",
    ])
  func hostileNamesStayText(name: String) throws {
    var actual = InMemoryRun(path: name, id: name)
    actual.begin(name)
    actual.add(try SmallCase.tensor([1, 2]), name, name)
    var expected = actual
    expected.path = name
    expected.begin("other")
    expected.add(try SmallCase.tensor([1, 2]), "other", name)
    let page = HTMLReport.render(try RunComparison.compare(actual: actual, expected: expected))

    // What is ours has as many elements as a page about harmless names.
    var plain = InMemoryRun(path: "name", id: "name")
    plain.begin("name")
    plain.add(try SmallCase.tensor([1, 2]), "name", "name")
    var other = plain
    other.begin("other")
    other.add(try SmallCase.tensor([1, 2]), "other", "name")
    let harmless = HTMLReport.render(try RunComparison.compare(actual: plain, expected: other))
    func count(_ text: String, _ character: Character) -> Int { text.count { $0 == character } }
    for sign: Character in ["<", ">", "\u{1}", "\u{1B}", "\u{202E}", "\u{2028}"] {
      #expect(count(page, sign) == count(harmless, sign), "\(sign)")
    }
    let strings = try #require(try data(page)["strings"].items)
    #expect(strings.contains(.string(PlainText.line(name, limit: 1000))))
  }

  @Test func boundsAreRoundedUp() throws {
    let page = HTMLReport.render(try SmallCase.comparison())
    let comparison = try SmallCase.comparison()
    let least = comparison.steps.flatMap { $0.modules.flatMap(\.tensors) }
      .map { $0.difference?.minimumRtol }
    let shown = try #require(try data(page)["tensors"]["min_rtol"].items)
    for (least, shown) in zip(least, shown) {
      guard let least, case .number(let number) = shown else { continue }
      #expect(number >= least && number <= least * 1.01)
    }
    #expect(shown.contains { if case .number = $0 { true } else { false } })
  }

  @Test func detailsAreOfTheFirstFailingTensors() throws {
    let data = try data(HTMLReport.render(try SmallCase.comparison(.init(.init(), detailLimit: 1))))
    guard case .object(let details) = data["details"] else { throw Missing() }
    #expect(details.count == 1)
    let detail = try #require(details.values.first)
    // layer.down: |d| is 0, 0, 0 and 4, which is 2^2.
    #expect(detail["zeros"] == .integer(3))
    #expect(detail["exponent"] == .integer(2))
    #expect(detail["counts"] == .array([.integer(1)]))
    #expect(
      detail["cells"]
        == .array([
          .array([.integer(0), .integer(0)]), .array([.integer(0), .integer(4)]),
        ]))
  }

  private struct Missing: Error {}
}
