import Foundation
import Testing

@testable import AssayBase

@Suite struct JSONValueTests {
  @Test(arguments: [
    ("9223372036854775807", JSONValue.integer(.max)),
    ("9223372036854775808", .string("9223372036854775808")),
    ("18446744073709551615", .string("18446744073709551615")),
    ("-9223372036854775808", .integer(.min)),
    ("1e30", .number(1e30)),
  ]) func keepsEveryDigitOfAnInteger(text: String, value: JSONValue) throws {
    #expect(try JSONValue(decoding: Data(text.utf8)) == value)
  }

  @Test(arguments: [
    ("{\"a\":NaN,\"b\":[-Infinity,Infinity]}", 5), (" [0, -0.5e+3, true, false, null] ", 6),
    ("\"\\u0000\"", 1),
  ]) func takesWhatPythonWrites(text: String, values: Int) throws {
    let data = Data(text.utf8)
    _ = try JSONValue(decoding: data, valueLimit: values)
    #expect(throws: JSONError.self) {
      try JSONValue(decoding: data, valueLimit: values - 1)
    }
  }

  @Test(arguments: [
    "", " ", "{a:1}", "{null:1}", "[1,]", "{\"a\":1,}", "[1 2]", "'a'", "/**/1", "01", "+1", ".5",
    "1.", "1e", "-", "0x1", "nan", "-NaN", "True", "1\0", "\u{FEFF}{}", "\"\u{1}\"", "[", "\"",
    "{\"a\"",
    "{\"a\":1,\"a\":1}", "\"\\ud800\"",
  ]) func refusesWhatIsNoJSON(text: String) {
    #expect(throws: JSONError.self) {
      try JSONValue(decoding: Data(text.utf8))
    }
  }

  @Test func keysAreTheirBytes() throws {
    let text = #"[{"e\#u{301}":1,"\#u{E9}":{"a":[]}}]"#
    let value = try JSONValue(decoding: Data(text.utf8))
    let members = try #require(value.items?.first?.members)
    #expect(members.count == 2 && members["e\u{301}"] == .integer(1))
    #expect(members["\u{E9}"] == .object(["a": .array([])]))
    #expect(
      String(decoding: value.encoded(), as: UTF8.self).utf8.elementsEqual(text.utf8))
    #expect(try [NameMap<JSONValue>](json: value) == [members])
    // A dictionary would take the one for the other.
    #expect(throws: JSONError.self) { try [[String: JSONValue]](json: value) }
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
      try String(decoding: value.encoded(pretty: isPretty), as: UTF8.self)
        == String(decoding: encoder.encode(value), as: UTF8.self))
  }

  @Test(arguments: [
    "1.5", "-0", "0", "1.0", "1e3", "-2.5e-3", "123456789012345678", "true", "\"x\"",
  ])
  func readsWhatFoundationReads(text: String) throws {
    #expect(
      try JSONValue(decoding: Data(text.utf8))
        == JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)))
  }

  @Test func refusesUTF16AndDeepNesting() throws {
    let deep = String(repeating: "[", count: 600) + String(repeating: "]", count: 600)
    for data in [Data(deep.utf8), try #require("{}".data(using: .utf16))] {
      #expect(throws: JSONError.self) { try JSONValue(decoding: data) }
    }
  }

  @Test func namesTheReason() {
    func reason(_ text: String) -> String {
      do {
        _ = try [String: [Int]](json: JSONValue(decoding: Data(text.utf8)))
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(
      reason("{\"a\":[],\"a\":[]}")
        == "it is not valid JSON: the key \"a\" a second time at byte 12 of the JSON")
    #expect(reason("{\"a\":[1,\"x\"]}") == "the value of a[1] has the wrong type")
    #expect(reason("{\"a\":[1,1.5]}") == "the value of a[1] is not valid")
    #expect(reason("[]") == "the value of the whole text has the wrong type")
  }

  @Test func namesTheMember() throws {
    let json = try JSONValue(decoding: Data(#"{"a":{"b":[{}],"c":null,"d":-1}}"#.utf8))
    func reason(_ read: (JSONValue) throws -> Any?) -> String {
      do { return "\(try json.member("a", read) as Any)" } catch { return "\(error)" }
    }
    #expect(reason { try $0.member("x", as: Int.self) } == "it lacks the key a.x")
    #expect(
      reason { try $0.member("b") { try $0.items { try $0.member("y", as: Int.self) } } }
        == "it lacks the key a.b[0].y")
    #expect(reason { try $0.member("c", as: Int.self) } == "the value of a.c has the wrong type")
    #expect(reason { try $0.member("d") { try $0.natural() } }.hasPrefix("the value of a.d has"))
    #expect(try json.member("a") { try $0.optional("c", as: Int.self) } == nil)
    #expect(try json.member("a") { try $0.optional("x", as: Int.self) } == nil)
    #expect(reason { try $0.optional("b", as: Int.self) } == "the value of a.b has the wrong type")
  }
}

/// What Foundation makes of a value, to hold ours against.
extension JSONValue: Codable {
  /// Decodes whatever stands there.
  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(String.self) {
      // Before the numbers, which the decoder also makes of the strings `nan` and `inf`.
      self = .string(value)
    } else if let value = try? container.decode(Int64.self) {
      let isNegativeZero = value == 0 && (try? container.decode(Double.self))?.sign == .minus
      self = isNegativeZero ? .number(-0.0) : .integer(value)
    } else if let value = try? container.decode(UInt64.self) {
      self = .string(String(value))  // as elements of uint64 are written: a Double loses digits
    } else if let value = try? container.decode(Double.self) {
      self = JSONValue(real: value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  /// Encodes the value as itself.
  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value):
      let members = Dictionary(value.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
      guard members.count == value.count else {
        throw EncodingError.invalidValue(
          self,
          .init(
            codingPath: encoder.codingPath,
            debugDescription: "two of its keys are the same text in two Unicode spellings"))
      }
      try container.encode(members)
    }
  }
}
