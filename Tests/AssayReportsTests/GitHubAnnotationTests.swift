import AssayReports
import Testing

@Suite struct GitHubAnnotationTests {
  @Test func commandNamesFileAndLine() {
    #expect(
      GitHubAnnotation.error(
        file: "Tests/A.swift", line: 12, title: "Golden x", message: "differs: 50%, a\nb\r\nc")
        == "::error file=Tests/A.swift,line=12,title=Golden x::differs: 50%25, a%0Ab%0D%0Ac")
  }

  @Test func propertiesEscapeTheirEnds() {
    #expect(
      GitHubAnnotation.error(file: "C:\\a,b.swift", title: "a::b,line=3\n%", message: "m")
        == "::error file=C%3A\\a%2Cb.swift,title=a%3A%3Ab%2Cline=3%0A%25::m")
  }

  /// A colon with an accent on it is one character, but the runner reads bytes.
  @Test func charactersThatCombineAreEscaped() {
    #expect(
      GitHubAnnotation.error(title: ":\u{301},\u{301}", message: "\r\n%\u{301}")
        == "::error title=%3A\u{301}%2C\u{301}::%0D%0A%25\u{301}")
  }

  @Test(arguments: SmallCase.hostileNames)
  func commandIsOneLine(name: String) throws {
    let text = GitHubAnnotation.error(file: name, title: name, message: name)
    #expect(text.unicodeScalars.allSatisfy { $0 != "\n" && $0 != "\r" })
    #expect(text.hasPrefix("::error file="))
    // The runner undoes the escapes; what it gets must be what was given.
    let start = try #require(text.dropFirst(2).firstRange(of: "::")).upperBound
    let restored = text[start...].replacing("%0A", with: "\n").replacing("%0D", with: "\r")
      .replacing("%25", with: "%")
    #expect(restored.unicodeScalars.elementsEqual(name.unicodeScalars))
  }
}
