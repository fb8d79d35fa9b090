import AssayBase
import AssayRuns
import Foundation
import Testing

@Suite struct StepRowsTests {
  /// Two requests of a left-padded batch, and the last row of each.
  private let rows = StepRows(
    layouts: [
      StepRows.Layout(
        shape: [2, 3],
        spans: [
          StepRows.Span(request: nil), StepRows.Span(request: 0, position: 0, count: 2),
          StepRows.Span(request: 1, position: 5, count: 3),
        ]),
      StepRows.Layout(
        shape: [2], axes: [1],
        spans: [StepRows.Span(request: 0, position: 1), StepRows.Span(request: 1, position: 7)]),
    ], requestIDs: [1: "cmpl-7"])

  /// What is written of a step without tokens can be read again.
  @Test func aStepWithoutTokensHasNoRows() throws {
    let empty = StepRows(request: 0, positions: 5..<5)
    #expect(empty.layouts.isEmpty)
    #expect(try StepRows(json: JSONValue(decoding: empty.jsonValue.encoded())) == empty)
  }

  @Test func theTextIsTheOneOfTheSchema() throws {
    let text = """
      {"layouts":[{"shape":[2,3],"spans":[[null,0,1],[0,0,2],[1,5,3]]},\
      {"axes":[1],"shape":[2],"spans":[[0,1,1],[1,7,1]]}],"requests":{"1":"cmpl-7"}}
      """
    #expect(String(decoding: rows.jsonValue.encoded(), as: UTF8.self) == text)
    #expect(try StepRows(json: JSONValue(decoding: Data(text.utf8))) == rows)
  }

  @Test(arguments: [
    #"{"layouts":[{"shape":[2,3],"spans":[[0,0,5]]}]}"#,
    #"{"layouts":[{"shape":[0],"spans":[]}]}"#, #"{"layouts":[{"shape":[],"spans":[[0,0,1]]}]}"#,
    #"{"layouts":[{"shape":[1],"spans":[[0,0,0]]}]}"#,
    #"{"layouts":[{"shape":[1],"spans":[[0,-1,1]]}]}"#,
    #"{"layouts":[{"shape":[1],"spans":[[-1,0,1]]}]}"#,
    #"{"layouts":[{"shape":[1],"spans":[[0,0]]}]}"#,
    #"{"layouts":[{"shape":[1],"spans":[[0,9223372036854775807,1]]}]}"#,
    #"{"layouts":[{"shape":[4294967296,4294967296],"spans":[[0,0,1]]}]}"#,
    #"{"layouts":[{"shape":[100000000],"spans":[[0,0,100000000]]}]}"#,
    #"{"layouts":[{"axes":[0,0],"shape":[1,1],"spans":[[0,0,1]]}]}"#,
    #"{"layouts":[{"axes":[-1],"shape":[1],"spans":[[0,0,1]]}]}"#,
    #"{"layouts":[{"axes":[0],"shape":[1,1],"spans":[[0,0,1]]}]}"#,
    #"{"layouts":[],"requests":{"x":"a"}}"#, #"{"requests":{}}"#, "[]",
  ])
  func contradictionsAreRefused(text: String) throws {
    let json = try JSONValue(decoding: Data(text.utf8))
    #expect(throws: JSONError.self) { try StepRows(json: json) }
  }
}
