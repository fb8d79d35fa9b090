import AssayBase
import Foundation
import Testing

@Suite struct BoundedExpressionTests {
  @Test func findsWhatPythonFinds() throws {
    let expression = try BoundedExpression(#"layers\.(\d+)\.(?P<name>mlp)"#)
    let match = try #require(expression.firstMatch(in: "model.layers.12.mlp.gate"))
    #expect(match.range.location == 6 && match.range.length == 13)
    #expect(expression.groupCount == 2)
    #expect(expression.firstMatch(in: "model.norm") == nil && expression.unfinished == nil)
    #expect(try BoundedExpression("[ab]").matches(in: "cabd")?.count == 2)
  }

  @Test func aMatchOfTheWholeBeginsAtTheBeginning() throws {
    let expression = try BoundedExpression("b+", matchesWhole: true)
    #expect(expression.firstMatch(in: "bbb") != nil)
    #expect(expression.firstMatch(in: "abb") == nil)
  }

  /// Time that doubles with each letter, and time that grows with its fifth power.
  @Test(arguments: [
    ("(a+)+$", String(repeating: "a", count: 60) + "!"),
    ("(?:a|aa)+$", String(repeating: "a", count: 200) + "!"),
    (".*.*.*.*b", String(repeating: "a", count: 2_000)),
  ])
  func whatTakesForEverIsGivenUpAndRemembered(pattern: String, text: String) throws {
    let expression = try BoundedExpression(pattern)
    #expect(expression.firstMatch(in: "a") != nil || expression.unfinished == nil)
    #expect(expression.firstMatch(in: text) == nil && expression.unfinished == text)
    #expect(expression.matches(in: text) == nil)
    // A later text does not take its place.
    #expect(expression.firstMatch(in: "x") == nil && expression.unfinished == text)
  }

  /// A matcher whose stack is full says "no match" too.
  @Test func whatTakesTooMuchStackIsGivenUp() throws {
    let groups = String(repeating: "(x)?", count: 200)
    let expression = try BoundedExpression("^\(groups)(?:a|b)*$")
    let name = String(repeating: "a", count: 10_000)
    #expect(expression.firstMatch(in: name) == nil && expression.unfinished == name)
  }

  @Test func longNamesAreNotGivenUp() throws {
    let name = String(repeating: "layers.0.", count: 1_100) + "mlp"
    for pattern in [#"\.mlp$"#, #"^layers\..*\.mlp$"#, "nothing", #"(?:layers\.\d+\.)+mlp"#] {
      let expression = try BoundedExpression(pattern)
      #expect((expression.firstMatch(in: name) != nil) == (pattern != "nothing"))
      #expect(expression.unfinished == nil, "\(pattern)")
    }
  }
}
