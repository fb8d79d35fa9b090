import AssayBase
import Foundation
import Testing

@testable import AssayRuns

@Suite struct JSONValueTests {
  @Test(arguments: [
    ("9223372036854775807", JSONValue.integer(.max)),
    ("9223372036854775808", .string("9223372036854775808")),
    ("18446744073709551615", .string("18446744073709551615")),
    ("-9223372036854775808", .integer(.min)),
    ("1e30", .number(1e30)),
  ]) func keepsEveryDigitOfAnInteger(text: String, value: JSONValue) throws {
    #expect(try JSONText.decode(JSONValue.self, from: Data(text.utf8)) == value)
  }

  @Test(arguments: [
    ("{\"a\":NaN,\"b\":[-Infinity,Infinity]}", 5), (" [0, -0.5e+3, true, false, null] ", 6),
    ("\"\\u0000\"", 1),
  ]) func takesWhatPythonWrites(text: String, values: Int) throws {
    let data = Data(text.utf8)
    _ = try JSONText.decode(JSONValue.self, from: data, valueLimit: values)
    #expect(throws: DecodingError.self) {
      try JSONText.decode(JSONValue.self, from: data, valueLimit: values - 1)
    }
  }

  @Test(arguments: [
    "", " ", "{a:1}", "{null:1}", "[1,]", "{\"a\":1,}", "[1 2]", "'a'", "/**/1", "01", "+1", ".5",
    "1.", "1e", "-", "0x1", "nan", "-NaN", "True", "1\0", "\u{FEFF}{}", "\"\u{1}\"", "[", "\"",
    "{\"a\"",
    "{\"a\":1,\"a\":1}", "\"\\ud800\"",
  ]) func refusesWhatIsNoJSON(text: String) {
    #expect(throws: DecodingError.self) {
      try JSONText.decode(JSONValue.self, from: Data(text.utf8))
    }
  }

  @Test func keysAreTheirBytes() throws {
    let text = #"[{"e\#u{301}":1,"\#u{E9}":{"a":[]}}]"#
    let value = try JSONText.decode(JSONValue.self, from: Data(text.utf8))
    let members = try #require(value.items?.first?.members)
    #expect(members.count == 2 && members["e\u{301}"] == .integer(1))
    #expect(members["\u{E9}"] == .object(["a": .array([])]))
    #expect(
      try String(decoding: JSONText.encode(value), as: UTF8.self).utf8.elementsEqual(text.utf8))
    // Foundation's decoder would take the one for the other.
    #expect(throws: DecodingError.self) {
      try JSONText.decode([[String: JSONValue]].self, from: Data(text.utf8))
    }
  }

  @Test(
    arguments: [
      JSONValue.number(0.1), .number(-0.0), .number(1e100), .number(3), .integer(-7), .bool(true),
      .null, .string("\"\\/\u{8}\u{9}\u{A}\u{C}\u{D}\u{1}\u{1F}é🙂"), .number(5e-324),
      .array([]), .object([:]),
      .object(["b": .array([.integer(1), .object(["x": .null])]), "a": .null]),
    ], [false, true]) func writesWhatFoundationWrites(value: JSONValue, isPretty: Bool) throws
  {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if isPretty { encoder.outputFormatting.insert(.prettyPrinted) }
    #expect(
      try String(decoding: JSONText.encode(value, pretty: isPretty), as: UTF8.self)
        == String(decoding: encoder.encode(value), as: UTF8.self))
  }

  @Test(arguments: [
    "1.5", "-0", "0", "1.0", "1e3", "-2.5e-3", "123456789012345678", "true", "\"x\"",
  ])
  func readsWhatFoundationReads(text: String) throws {
    #expect(
      try JSONText.decode(JSONValue.self, from: Data(text.utf8))
        == JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)))
  }

  @Test func refusesUTF16AndDeepNesting() throws {
    let deep = String(repeating: "[", count: 600) + String(repeating: "]", count: 600)
    for data in [Data(deep.utf8), try #require("{}".data(using: .utf16))] {
      #expect(throws: DecodingError.self) { try JSONText.decode(JSONValue.self, from: data) }
    }
  }

  @Test func namesTheReason() {
    func reason(_ text: String) -> String {
      do {
        _ = try JSONText.decode([String: [Int]].self, from: Data(text.utf8))
        return ""
      } catch {
        return JSONText.reason(for: error)
      }
    }
    #expect(
      reason("{\"a\":[],\"a\":[]}")
        == "it is not valid JSON: the key \"a\" a second time at byte 12 of the JSON")
    #expect(reason("{\"a\":[1,\"x\"]}") == "the value of a[1] has the wrong type")
    #expect(reason("[]") == "the value of the whole text has the wrong type")
  }
}
