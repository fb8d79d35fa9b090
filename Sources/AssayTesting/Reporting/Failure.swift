import Testing
import XCTest

/// A failure of a test, in either framework.
struct Failure: Sendable {
  let text: String
  let site: TestSite

  /// Fails the running test, or the whole run where the test cannot be known.
  ///
  /// What no framework takes would pass in silence: it ends the process instead.
  func report() {
    switch TestFramework.current {
    case .swiftTesting:
      // Behind the last test nobody listens any more, so the process has to end with a failure.
      if Test.current == nil { ExitGuard.requireFailure(text) }
      Issue.record(Comment(rawValue: text), sourceLocation: site.sourceLocation)
    case .xctest:
      guard isTakenByXCTest() else { Self.end("no test is running any more: " + text) }
    case nil:
      Self.end("outside of a test: " + text)
    }
  }

  /// Whether a test case was running and has got the failure.
  ///
  /// XCTest on Linux drops a failure that arrives between tests; it then does not ask for the
  /// message either, which is how one knows.
  private func isTakenByXCTest() -> Bool {
    var isTaken = false
    func message() -> String {
      isTaken = true
      return text
    }
    XCTAssert(false, message(), file: site.filePath, line: site.line)
    return isTaken
  }

  private static func end(_ text: String) -> Never {
    fatalError(text)
  }
}
