/// One change of one place.
struct Mutant: Codable {
  var number: Int
  var file: String
  var function: String
  var line: Int
  /// The text that is changed, on one line.
  var original: String
  var change: String
  /// Says which one it is, whatever the lines: file, function, text, change, and which of several.
  var key: String
}
