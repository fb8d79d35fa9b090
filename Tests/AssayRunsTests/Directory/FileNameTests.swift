import AssayBase
import Testing

@testable import AssayRuns

/// The rule that the Python recorder follows too, with what its own code makes of the names.
@Suite struct FileNameTests {
  @Test(arguments: [
    ("model.layers.0", "model.layers.0"), ("a/b", "a%2Fb"), ("50%", "50%25"),
    (".hidden", "%2Ehidden"), ("\u{E9}", "\u{E9}"), ("e\u{301}", "e\u{301}"), ("a.", "a%2E"),
    ("a ", "a%20"), ("a..", "a.%2E"), ("a. b", "a. b"), (".", "%2E"), ("con", "%63on"),
    ("Aux.layers", "%41ux.layers"), ("con_1", "con_1"), ("com1", "%63om1"), ("lpt9.x", "%6Cpt9.x"),
    ("com\u{B2}", "%63om\u{B2}"), ("console", "console"), ("nul .x", "%6Eul .x"), ("a:b", "a%3Ab"),
    ("a\\b", "a%5Cb"), ("tab\there", "tab%09here"), ("<*?>|\"", "%3C%2A%3F%3E%7C%22"),
    ("a.\u{301}", "a.\u{301}"), ("/\u{301}", "%2F\u{301}"),
  ]) func escapesWhatSomeFileSystemRefuses(name: String, expected: String) {
    let escaped = FileName.escape(name)
    #expect(Array(escaped.utf8) == Array(expected.utf8))
    #expect(Array(DiskName.decode(escaped).utf8) == Array(name.utf8))
  }

  private static func m(_ count: Int) -> String { String(repeating: "m", count: count) }

  @Test(arguments: [
    (m(255), "", m(255)),
    (m(256), "", m(200) + "%~04e6003138b0493df4d5786ebd119fc9"),
    (
      String(repeating: "\u{E9}", count: 128), "",
      String(repeating: "\u{E9}", count: 100) + "%~e42dd264fd5cf1bc947505b995dceb9a"
    ),
    (
      m(199) + "%2F" + String(repeating: "n", count: 100), "",
      m(199) + "%~d1b239e104a19a80f99dcdbaf29b673b"
    ),
    (
      m(199) + String(repeating: "\u{E9}", count: 60), "",
      m(199) + "%~389c314dd541cb717bf26ae6ef307e7c"
    ),
    (m(255) + "_1", "", m(200) + "%~9f4a62d1a08db112e62af41e3e4d830b"),
    (
      "outputs_" + String(repeating: "k", count: 239) + "_cpu", ".json",
      "outputs_" + String(repeating: "k", count: 192) + "%~8920b1b120705c6d287e39915987aa05"
    ),
    (
      "outputs_" + String(repeating: "k", count: 241) + "_cpu", ".pt",
      "outputs_" + String(repeating: "k", count: 192) + "%~3863a731defacd937b9dec7a4a272bc0"
    ),
  ]) func shortensWhatIsTooLong(stem: String, ending: String, expected: String) {
    let name = FileName.fitted(stem, extension: ending)
    #expect(name == expected)
    #expect((name + ending).utf8.count <= 255)
  }

  @Test(arguments: [
    (["A", "a"], ["A", "a%"]), (["a", "a_1", "a_1"], ["a", "a_1", "a_1%"]),
    (["\u{E9}", "e\u{301}"], ["\u{E9}", "e\u{301}%"]),
    (["\u{3A3}", "\u{3C3}", "\u{3C2}"], ["\u{3A3}", "\u{3C3}%", "\u{3C2}%%"]),
    (["ss", "\u{DF}", "\u{FB01}", "fi"], ["ss", "\u{DF}%", "\u{FB01}", "fi%"]),
    (["\u{212A}", "k"], ["\u{212A}", "k%"]),
  ]) func tellsApartWhatFileSystemsFold(stems: [String], expected: [String]) {
    var names = FileNames()
    #expect(stems.map { Array(names.take($0).utf8) } == expected.map { Array($0.utf8) })
  }
}
