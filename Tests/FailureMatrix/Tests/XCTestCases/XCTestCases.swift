import Assay
import AssayTesting
import Scaling
import XCTest

// The name of a golden names its case; run.sh looks for each in the output.
final class XCTestCases: XCTestCase {
  func testReplay() throws {
    try assertReplay("xc-replay") { try replay($0) }
  }

  func testIsolatedReplay() throws {
    try assertReplay("xc-isolated", isolated: true) { try replay($0) }
  }

  func testAsyncReplay() async throws {
    try await assertReplay("xc-async") { probe in
      await Task.yield()
      try replay(probe)
    }
  }

  func testModule() throws {
    try assertModule("xc-module", matching: "^double$") { try scaled($0[0]) }
  }

  func testThrowingModel() throws {
    try assertReplay("xc-throwing") { _ in throw ModelError() }
  }

  func testDetachedReplay() async throws {
    try await Task.detached {
      try assertReplay("xc-detached-replay") { try replay($0) }
    }.value
  }

  func testDetachedModule() async throws {
    try await Task.detached {
      try assertModule("xc-detached-module", matching: "^double$") { try scaled($0[0]) }
    }.value
  }

  func testDetachedThrowingModel() async throws {
    try await Task.detached {
      try assertReplay("xc-detached-throwing") { _ in throw ModelError() }
    }.value
  }

  func testQueueReplay() throws {
    onQueue { try assertReplay("xc-queue-replay") { try replay($0) } }
  }

  func testQueueModule() throws {
    onQueue { try assertModule("xc-queue-module", matching: "^double$") { try scaled($0[0]) } }
  }
}
