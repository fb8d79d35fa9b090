import AssayBase
import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Foundation
import Testing

@testable import AssayReports

/// Every format shows the same facts of a comparison.
@Suite struct SameFactsTests {
  /// One comparison in every format, the texts without their markup.
  private struct Rendered {
    var comparison: RunComparison
    var markdown: String
    var text: String
    var page: String
    var data: JSONValue
    var json: JSONValue

    init(_ comparison: RunComparison) throws {
      self.comparison = comparison
      // Names of code with signs that markdown would take are written as HTML.
      markdown = Self.unmarked(
        MarkdownReport.render(comparison, verbose: true).replacing("**", with: "")
          .replacing("`", with: "").replacing("\\", with: ""))
      text = TextReport.render(comparison)
      let page = HTMLReport.render(comparison)
      self.page = Self.unmarked(page)
      let start = try #require(page.range(of: #"<script type="application/json" id="data">"#))
      let end = try #require(page.range(of: "</script>", range: start.upperBound..<page.endIndex))
      let data = Data(page[start.upperBound..<end.lowerBound].utf8)
      self.data = try JSONValue(decoding: data)
      json = try JSONValue(decoding: JSONReport.render(comparison))
    }

    /// The text that HTML shows.
    private static func unmarked(_ html: String) -> String {
      var text = html.replacing(#/<[^<>]*>/#, with: "")
      for (entity, sign) in [
        ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#124;", "|"),
        ("&#96;", "`"), ("&#36;", "$"), ("&#40;", "("), ("&#41;", ")"), ("&#95;", "_"),
        ("&#92;", "\\"), ("&amp;", "&"),
      ] { text = text.replacing(entity, with: sign) }
      return text
    }

    /// A sentence that stands in every text, whether or not it begins a sentence there.
    func expectEverywhere(_ fact: String?, _ name: String) {
      guard let fact else { return }
      for (format, report) in [("markdown", markdown), ("text", text), ("page", page)] {
        #expect(
          report.contains(fact) || report.contains(fact.asSentence), "\(format): \(name): \(fact)")
      }
    }
  }

  enum Case: String, CaseIterable {
    case match, values, missing, nonFinite, rules, torch, floor, mapping, logits, digests,
      selection, isolated

    /// The parameters that the case chooses.
    var chosen: Set<String> {
      switch self {
      case .rules, .torch: ["tolerance"]
      case .floor, .mapping, .isolated: [rawValue, "rtol", "atol"]
      case .logits: ["logits", "rtol", "atol"]
      case .selection:
        ["equal_nan", "steps", "modules", "sides", "device_map", "rtol", "atol"]
      default: ["rtol", "atol"]
      }
    }

    func comparison() throws -> RunComparison {
      var options = ComparisonOptions()
      func run(_ path: String, _ values: [Float], _ module: String = "m") throws -> InMemoryRun {
        var run = InMemoryRun(path: path)
        run.add(try SmallCase.tensor([1, 2, 3, 4]), module, "inputs_0")
        run.add(try SmallCase.tensor(values), module, "outputs")
        return run
      }
      let expected = try run("expected", [1, 2, 3, 4])
      let differing = try run("actual", [1, 2, 3, 5])
      switch self {
      case .match: return try RunComparison.compare(actual: expected, expected: expected)
      case .values: return try RunComparison.compare(actual: differing, expected: expected)
      case .missing: return try SmallCase.comparison()
      case .nonFinite:
        return try RunComparison.compare(
          actual: run("actual", [1, .nan, 3, .infinity]), expected: expected)
      case .rules:
        let rule = ToleranceRule(
          module: try ModulePattern("m"), criterion: .bound(.atMost(.relativeL2, 1e-3)))
        options.tolerance = .rules(ToleranceRules([rule], source: "tolerances.yml"))
      case .torch: options.tolerance = .torch
      case .floor: options.floor = try run("runs/floor", [1, 2, 3, 4.5])
      case .mapping:
        options.mapping = try Mapping(
          yaml: "rules:\n  - actual: other\n    expected: m\n", source: "names.yml")
        return try RunComparison.compare(
          actual: run("actual", [1, 2, 3, 5], "other"), expected: expected, options: options)
      case .logits:
        options.logits = try ModulePattern("^m$")
        return try RunComparison.compare(
          actual: run("actual", [1, 2, 4, 3]), expected: expected, options: options)
      case .digests:
        var digests = InMemoryRun(path: "digests")
        for (values, slot) in [([1, 2, 3, 4] as [Float], "inputs_0"), ([1, 2, 3, 4], "outputs")] {
          let tensor = try SmallCase.tensor(values)
          digests.add(
            nil, "m", slot,
            skipped: SkippedTensor(
              dtype: tensor.dtype, shape: tensor.shape, device: tensor.device,
              reason: "only a digest", digest: TensorDigest(of: tensor, withSample: false)))
        }
        return try RunComparison.compare(actual: differing, expected: digests)
      case .selection:
        options.tolerance.equalNaN = true
        options.steps = [0]
        options.modules = [try ModulePattern("^m$")]
        options.sides = [.outputs]
        options.deviceMap = [(.cpu, .cpu)]
      case .isolated: options.isIsolated = true
      }
      return try RunComparison.compare(actual: differing, expected: expected, options: options)
    }
  }

  @Test(arguments: Case.allCases)
  func verdictAndCounts(of case: Case) throws {
    let found = try Rendered(`case`.comparison())
    let isMatch = `case` == .match
    #expect(found.comparison.isMatch == isMatch)
    let verdict = isMatch ? "Match" : "Mismatch"
    #expect(found.markdown.contains("\(verdict): "))
    #expect(found.text.contains("\(verdict): "))
    #expect(found.page.contains(" \(verdict)\n"))
    #expect(found.data["match"] == .bool(isMatch))
    #expect(found.json["verdict"] == .string(verdict.lowercased()))

    let summary = found.comparison.summary
    let tensors = summary.tensors
    let counts = FailureTextWriter(comparison: found.comparison, words: .ofRuns).counts
    #expect(found.text.contains(counts))
    #expect(found.page.contains(counts))
    let cells = [
      tensors.total, tensors.matched, tensors.mismatched,
      tensors.missingInActual + tensors.missingInExpected, tensors.unreadable, tensors.skipped,
    ].map(String.init).joined(separator: " | ")
    #expect(found.markdown.contains("| tensors | \(cells) |"))
    if let estimates = tensors.estimateText { found.expectEverywhere(estimates, "estimates") }
    #expect(counts.contains("of \(MarkdownText.count(tensors.total, "tensor"))"))
    for (name, count) in [
      ("total", tensors.total), ("matched", tensors.matched), ("mismatched", tensors.mismatched),
      ("missing_in_actual", tensors.missingInActual), ("estimated", tensors.estimated),
    ] { #expect(found.json["summary"]["tensors"][name] == .integer(Int64(count))) }
    #expect(
      found.json["summary"]["elements"]["mismatched"]
        == .integer(Int64(summary.elements.mismatched)))
    for failure in found.comparison.failures {
      found.expectEverywhere(failure.description, "failure")
    }
  }

  @Test(arguments: Case.allCases)
  func divergenceWithItsCause(of case: Case) throws {
    let found = try Rendered(`case`.comparison())
    let comparison = found.comparison
    found.expectEverywhere(
      comparison.otherInputs == nil ? comparison.causeText(.ofRuns, .plain) : nil, "cause")
    found.expectEverywhere(comparison.nonFiniteText(.plain), "values that are not finite")
    #expect((comparison.nonFiniteText(.plain) == nil) == (`case` != .nonFinite))
    guard let divergence = comparison.firstDivergence else {
      return #expect(found.json["first_divergence"] == .null)
    }
    #expect(divergence.tensor.difference != nil || `case` == .digests)
    let json = found.json["first_divergence"]
    #expect(json["cause"] == .string(divergence.origin.cause.rawValue))
    #expect(json["module"] == .string(divergence.call.module))
    #expect(found.json["first_non_finite"] == .null || `case` == .nonFinite)
  }

  @Test(arguments: Case.allCases)
  func everyParameter(of case: Case) throws {
    let found = try Rendered(`case`.comparison())
    let parameters = found.comparison.parameters
    for parameter in parameters {
      if let json = parameter.json {
        #expect(found.json["parameters"][parameter.name] == json, "\(parameter.name)")
      }
      guard let value = parameter.text?(.plain) else { continue }
      #expect(found.markdown.contains("| \(parameter.name) | \(value) |"))
      #expect(found.page.contains(parameter.name + value))
      if parameter.isChosen { #expect(found.text.contains("\(parameter.name) \(value)")) }
    }
    #expect(
      Set(parameters.filter { $0.isChosen && $0.text != nil }.map(\.name)) == `case`.chosen)
  }

  @Test(arguments: Case.allCases)
  func figuresOfTheFailingTensor(of case: Case) throws {
    let found = try Rendered(`case`.comparison())
    guard let divergence = found.comparison.firstDivergence else { return }
    let tensor = divergence.tensor
    let module = found.json["steps"].items?.first?["modules"].items?.first {
      $0["module"] == .string(divergence.call.module)
    }
    let json = try #require(
      module?["tensors"].items?.first { $0["slot"] == .string(tensor.slot.rawValue) })
    guard case .integer(let position) = found.data["first"] else { throw Missing() }
    var shown = 0
    for metric in Metric.all {
      guard let reading = metric.reading(of: tensor) else { continue }
      let place = metric.place
      // The table of a side's values is one row.
      let row =
        place == .actual || place == .expected
        ? "\(metric.name) \(metric.cell(tensor))"
        : "| \(metric.name) | \(try #require(metric.whole(tensor)))"
      #expect(found.markdown.contains(row), "\(metric)")
      if metric.isMain { #expect(found.text.contains("\(metric.name) \(metric.cell(tensor))")) }

      let column = try #require(found.data["tensors"][metric.path].items)
      let drawn = try #require(number(column[Int(position)]))
      let object = tensor.estimate == nil ? json : json["estimate"]
      let stated =
        [.tensor, .detail].contains(place)
        ? object[metric.name] : object[place.rawValue][metric.name]
      if tensor.estimate == nil || place == .actual || [.relativeL2, .cosine].contains(metric) {
        let exact = try #require(number(stated["value"]) ?? number(stated), "\(metric)")
        #expect(exact == reading.value || exact.isNaN)
      }
      let isClose = abs(drawn - reading.value) <= 0.01 * abs(reading.value)
      #expect(drawn == reading.value || isClose, "\(metric)")
      shown += 1
    }
    #expect(shown >= (tensor.estimate == nil ? 20 : 10))
  }

  @Test func tokensOfTheLogits() throws {
    let found = try Rendered(Case.logits.comparison())
    let other = try #require(found.comparison.firstOtherToken?.difference.last)
    #expect(other.actualToken != other.expectedToken)
    #expect(found.markdown.contains(found.comparison.tokenSentence))
    #expect(found.page.contains(found.comparison.tokenSentence))
    #expect(found.text.contains("greedy decoding takes \(other.actualToken) instead of"))
    #expect(found.json["first_other_token_step"] == .integer(0))
  }

  private func number(_ value: JSONValue) -> Double? {
    switch value {
    case .integer(let integer): Double(integer)
    case .number(let number): number
    case .string("inf"): .infinity
    case .string("-inf"): -.infinity
    case .string("nan"): .nan
    default: nil
    }
  }

  private struct Missing: Error {}
}
