import Foundation
import Testing

/// The line of a test that a failure belongs to.
struct TestSite: Sendable {
  let fileID: StaticString
  let filePath: StaticString
  let line: UInt
  let column: UInt
  let function: StaticString

  /// The running test as `swift test --filter` finds it, else the function around the assertion.
  var testName: String {
    guard let id = Test.current?.id else { return Self.withoutArguments("\(function)") }
    return ([id.moduleName] + id.nameComponents.map(Self.withoutArguments)).enumerated()
      .map { $0.offset == 0 ? $0.element : ($0.offset == 1 ? "." : "/") + $0.element }.joined()
  }

  /// The test in a file's name: its own name where that can be one, else its line.
  var fileName: String {
    let name = testName.split(separator: "/").last ?? ""
    let plain = name.split(separator: ".").last.map(String.init) ?? ""
    let isUsable =
      !plain.isEmpty
      && plain.unicodeScalars.allSatisfy { $0.properties.isXIDContinue && $0.isASCII }
    return isUsable ? plain : "line-\(line)"
  }

  /// The command that runs this test alone in a record mode.
  func command(recording mode: RecordMode) -> String {
    "ASSAY_RECORD=\(mode.rawValue) swift test --filter \(Self.filter(testName))"
  }

  /// The place as Swift Testing wants it.
  var sourceLocation: SourceLocation {
    SourceLocation(
      fileID: "\(fileID)", filePath: "\(filePath)", line: Int(line), column: Int(column))
  }

  /// The regular expression that finds one test and none whose name only begins as its does, in
  /// quotes for a shell.
  static func filter(_ name: String) -> String {
    let pattern = name.map { #"\*?+[](){}^$|"#.contains($0) ? "\\\($0)" : String($0) }.joined()
    let isWord = name.last.map { $0.isLetter || $0.isNumber || $0 == "_" } ?? false
    return "'\(pattern.replacing("'", with: #"'\''"#))\(isWord ? "\\b" : "")'"
  }

  /// A function's name alone; one in backticks may have parentheses of its own.
  static func withoutArguments(_ name: String) -> String {
    if name.hasPrefix("`"), let end = name.lastIndex(of: "`") { return String(name[...end]) }
    return name.firstIndex(of: "(").map { String(name[..<$0]) } ?? name
  }
}
