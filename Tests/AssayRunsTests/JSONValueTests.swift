import AssayRuns
import Foundation
import Testing

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
}
