import AssayTesting
import Foundation
import Testing

// What comes too late for a test ends the process, so that it runs alone.
struct LateCases {
  @Test func testEndsBeforeItsReplay() async {
    await withUnsafeContinuation { continuation in
      _ = Task.detached {
        assertReplay("st-late") { _ in
          continuation.resume()
          sleep(600)
        }
      }
    }
  }
}
