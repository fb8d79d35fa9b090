import AssayBase
import AssayComparison
import AssayReports
import AssayRuns
import AssayTensors
import Foundation
import Testing

@Suite struct JSONReportTests {
  private func decoded(_ comparison: RunComparison) throws -> JSONValue {
    try JSONValue(decoding: JSONReport.render(comparison))
  }

  @Test func headHasTheSchemasKeys() throws {
    let json = try decoded(SmallCase.comparison())
    #expect(json["schema"] == .string("assay.comparison/1"))
    #expect(json["verdict"] == .string("mismatch"))
    #expect(json["actual"] == .object(["path": .string("runs/actual"), "run": .string("a")]))
    #expect(json["expected"] == .object(["path": .string("runs/ex|pected"), "run": .string("b")]))
    #expect(json["parameters"]["rtol"] == .number(1e-5))
    #expect(json["parameters"]["atol"] == .number(1e-8))
    #expect(json["parameters"]["equal_nan"] == .bool(false))
    #expect(json["parameters"]["steps"] == .null)
  }

  @Test func rulesAndIsolationAreParameters() throws {
    let plain = try decoded(SmallCase.comparison())["parameters"]
    #expect(plain["isolated"] == .bool(false))
    #expect(plain["sides"] == .null)
    #expect(plain["tolerance"] == .string("elementwise"))

    let rule = ToleranceRule(
      module: try ModulePattern("down"), criterion: .bound(.atMost(.relativeL2, 1e-3)))
    let options = ComparisonOptions(
      .init(tolerance: .rules(ToleranceRules([rule], source: "a.yml"))), sides: [.outputs],
      isIsolated: true)
    let json = try decoded(SmallCase.comparison(options))
    let parameters = json["parameters"]
    #expect(parameters["isolated"] == .bool(true))
    #expect(parameters["sides"] == .array([.string("outputs")]))
    #expect(parameters["tolerance"] == .string("rules"))
    #expect(parameters["tolerance_source"] == .string("a.yml"))
    #expect(parameters["rtol"] == .null)
    let modules = try #require(json["steps"].items?.first?["modules"].items)
    func rules(_ module: String) -> [JSONValue]? {
      modules.first { $0["module"] == .string(module) }?["tensors"].items?.map { $0["rule"] }
    }
    #expect(rules("layer.down") == [.integer(0)])
    #expect(rules("layer") == [.null])
    #expect(
      json["failures"].items?.contains { text in
        if case .string(let text) = text { return text.hasPrefix("no tolerance rule matches") }
        return false
      } == true)
  }

  @Test func summaryCountsEverything() throws {
    let summary = try decoded(SmallCase.comparison())["summary"]
    func counts(_ pairs: [String: Int64]) -> JSONValue {
      .object(pairs.mapValues(JSONValue.integer))
    }
    #expect(
      summary["steps"] == counts(["total": 1, "matched": 0, "mismatched": 1, "missing": 0]))
    #expect(
      summary["modules"] == counts(["total": 5, "matched": 1, "mismatched": 3, "missing": 1]))
    #expect(
      summary["tensors"]
        == counts([
          "total": 9, "compared": 8, "estimated": 0, "matched": 4, "mismatched": 4,
          "missing_in_actual": 1,
          "missing_in_expected": 0, "unreadable": 0, "not_recorded": 0, "skipped": 0,
        ]))
    #expect(summary["elements"] == counts(["compared": 32, "mismatched": 4]))
  }

  @Test func divergenceNamesItsTensor() throws {
    let json = try decoded(SmallCase.comparison())
    let divergence = json["first_divergence"]
    #expect(divergence["module"] == .string("layer.down"))
    #expect(divergence["slot"] == .string("outputs"))
    #expect(divergence["device"] == .string("cpu"))
    #expect(divergence["cause"] == .string("introduced"))
    #expect(divergence["growth"] == .null)
    #expect(
      json["introduced"]
        == .array([
          .object(["step": .integer(0), "module": .string("layer.down"), "call": .integer(0)])
        ]))
  }

  @Test func figuresStandWithTheirTensor() throws {
    let json = try decoded(SmallCase.comparison())
    let modules = try #require(json["steps"].items?.first?["modules"].items)
    let down = try #require(modules.first { $0["module"] == .string("layer.down") })
    #expect(down["cause"] == .string("introduced"))
    let tensor = try #require(
      down["tensors"].items?.first { $0["slot"] == .string("outputs") })
    #expect(tensor["verdict"] == .string("values"))
    #expect(tensor["dtype"] == .string("torch.float32"))
    #expect(tensor["shape"] == .array([.integer(2), .integer(2)]))
    #expect(tensor["mismatched"] == .integer(1))
    #expect(tensor["max_abs"] == .integer(4))
    #expect(tensor["max_abs_index"] == .array([.integer(1), .integer(1)]))
    #expect(tensor["max_rel"] == .number(0.25))
    // Row [12, 20] against [12, 16]: an error of 4 over a norm of 20.
    #expect(tensor["worst_row"] == .number(0.2))
    #expect(tensor["worst_row_index"] == .array([.integer(1)]))
    #expect(tensor["expected"]["max"] == .integer(16))
    let missing = try #require(modules.first { $0["module"] == .string("extra") })
    #expect(missing["verdict"] == .string("missing_in_actual"))
  }

  @Test func infinityIsAString() throws {
    let json = try decoded(SmallCase.comparison())
    let head = try #require(json["steps"].items?.first?["modules"].items).first {
      $0["module"] == .string("head|`<b>`\n")
    }
    // 4 * 1.25 - 4 = 1 where 0 is expected.
    #expect(head?["tensors"].items?.last?["max_rel"] == .string("inf"))
  }

  @Test func textIsTheSameEveryTime() throws {
    let text = try JSONReport.render(SmallCase.comparison())
    #expect(try JSONReport.render(SmallCase.comparison()) == text)
    #expect(text.last == 0x0A)
    #expect(text.dropLast().allSatisfy { $0 != 0x0A })
  }
}

extension JSONValue {
  subscript(_ key: String) -> JSONValue { members?[key] ?? .string("no \(key)") }
}
