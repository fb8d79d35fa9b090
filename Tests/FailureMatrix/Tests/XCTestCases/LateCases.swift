import AssayTesting
import Foundation
import Scaling
import XCTest

// What comes too late for a test ends the process, so that it runs alone.

final class LateReplayCase: XCTestCase {
  func testEndsBeforeItsReplay() async {
    await withUnsafeContinuation { continuation in
      _ = Task.detached {
        assertReplay("xc-late") { _ in
          continuation.resume()
          sleep(600)
        }
      }
    }
  }
}

final class LateTearDownCase: XCTestCase {
  func testPasses() {}

  override class func tearDown() {
    try? assertReplay("xc-late-teardown") { try replay($0) }
  }
}
