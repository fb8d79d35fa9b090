import AssayBase
import Foundation
import Testing

/// What Python's `re` says; written by `Fixtures/make_patterns.py`.
private struct PatternTable: Decodable {
  struct Row: Decodable, CustomTestStringConvertible {
    var pattern: String
    /// Indices of the names that match; `nil` where Python refuses the pattern.
    var matches: [Int]?
    var testDescription: String { pattern }
  }
  var names: [String]
  var patterns: [Row]

  static let shared: PatternTable? = {
    let url = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Fixtures/patterns.json")
    guard let data = try? Data(contentsOf: url) else { return nil }
    return try? JSONDecoder().decode(PatternTable.self, from: data)
  }()
}

/// Valid in Python, and refused here with a reason.
private let unsupported: Set<String> = [
  "\\N{DOLLAR SIGN}", "(?(1)a|b)", "(a)?(?(1)X|Y)", "(a)(?<=\\1)X",
]

@Suite struct PythonPatternTests {
  @Test func tableIsThere() throws {
    #expect(try #require(PatternTable.shared).patterns.count > 150)
  }

  @Test(arguments: PatternTable.shared?.patterns ?? [])
  fileprivate func agreesWithPython(_ row: PatternTable.Row) throws {
    let names = try #require(PatternTable.shared).names
    guard let expected = row.matches, !unsupported.contains(row.pattern) else {
      #expect(throws: PythonPattern.Refusal.self) { try PythonPattern.expression(row.pattern) }
      return
    }
    let pattern = try PythonPattern.expression(row.pattern)
    #expect(names.indices.filter { isFound(pattern, in: names[$0]) } == expected)
  }

  @Test func deepNestingIsRefused() {
    let pattern = String(repeating: "(", count: 10_000) + String(repeating: ")", count: 10_000)
    #expect(throws: PythonPattern.Refusal.self) { try PythonPattern.expression(pattern) }
  }

  private func isFound(_ expression: NSRegularExpression, in text: String) -> Bool {
    expression.firstMatch(in: text, range: NSRange(text.startIndex..., in: text)) != nil
  }
}
