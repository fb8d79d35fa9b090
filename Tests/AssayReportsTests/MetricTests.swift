import AssayBase
import AssayComparison
import AssayRuns
import AssayTensors
import Foundation
import Testing

@testable import AssayReports

/// The schema and the documentation have what the table of figures has.
@Suite struct MetricTests {
  private func document(_ name: String) throws -> String {
    let root = URL(filePath: #filePath).appending(path: "../../..").standardized
    return try String(
      contentsOf: root.appending(path: "Sources/AssayReports/AssayReports.docc/\(name)"),
      encoding: .utf8)
  }

  /// What the schema says of the members of a tensor, or of an object within it.
  private func members(_ place: Metric.Place) throws -> [String: JSONValue] {
    let text = try document("assay.comparison-1.schema.json")
    let schema = try JSONValue(decoding: Data(text.utf8))
    let tensor = schema["$defs"]["tensor"]["properties"]
    let object =
      place == .tensor || place == .detail ? tensor : tensor[place.rawValue]["properties"]
    guard case .object(let members) = object else { throw Missing() }
    return Dictionary(uniqueKeysWithValues: members.map { ($0.key, $0.value) })
  }

  @Test(arguments: Metric.all)
  func schemaHasEveryFigure(metric: Metric) throws {
    let members = try members(metric.place)
    let schema = try #require(members[metric.name])
    let types = (schema["anyOf"].items ?? [schema]).map { type in
      type["$ref"] == .string("#/$defs/real") ? JSONValue.string("real") : type["type"]
    }
    let isWhole = metric.format == .count
    #expect(
      types.first == .string(!isWhole ? "real" : metric == .maxULP ? "number" : "integer"))
    switch metric.companion {
    case .index(let name): #expect(members[name] != nil)
    case .elements:
      for suffix in ["_index", "_actual", "_expected"] {
        #expect(members[metric.name + suffix] != nil)
      }
    case nil: #expect(members[metric.name + "_index"] == nil)
    }
  }

  @Test(arguments: [Metric.Place.floor, .actual, .expected])
  func schemaHasNoOtherFigures(place: Metric.Place) throws {
    let names = Metric.all.filter { $0.place == place }.map(\.name)
    #expect(try Set(members(place).keys) == Set(names))
  }

  @Test(arguments: Metric.all)
  func documentationSaysWhatAFigureMeans(metric: Metric) throws {
    let meaning = metric.meaning.replacing("|", with: "\\|")
    #expect(try document("ReadingTheJSON.md").contains("\n| `\(metric.name)` | \(meaning) |\n"))
  }

  @Test func namesTellFiguresApart() {
    #expect(Set(Metric.all).count == Metric.all.count)
    #expect(Set(Metric.bounded.map(\.name)).count == Metric.bounded.count)
  }

  private struct Missing: Error {}
}
