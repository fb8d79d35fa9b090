import Assay
import AssayTesting
import AssayTestingSupport
import XCTest

/// What XCTest does differently.
final class ReplayTests: CollectingTestCase {
  private static let wrong = ToyModel.with { $0.factor = 4 }

  override func invokeTest() {
    withAssay(record: .failed) { super.invokeTest() }
  }

  func testInvokeTestIsAScope() throws {
    let playground = try Playground()
    try playground.record("toy")
    let texts = try playground.run {
      try failures { try assertReplay("toy", Self.wrong.run) }
    }
    XCTAssertEqual(texts.count, 1)
    XCTAssert(texts[0].contains("was recorded anew"), texts[0])
  }

  func testAsynchronousTestsAreInTheScopeToo() async throws {
    let playground = try Playground()
    try playground.record("toy")
    do {
      _ = try await playground.run {
        try await verifyReplay("toy") { probe in
          await Task.yield()
          try Self.wrong.run(probe)
        }
      }
      XCTFail("nothing was recorded")
    } catch ReplayTestError.recorded {}
  }

  func testTheTextNamesTheModuleAndTheTest() throws {
    let playground = try Playground()
    try playground.record("toy")
    let texts = try playground.run(["ASSAY_RECORD": "never"]) {
      try failures { try assertReplay("toy", Self.wrong.run) }
    }
    XCTAssertEqual(texts.count, 1)
    for part in [
      "second in step 0", playground.artifacts + "/toy.testTheTextNamesTheModuleAndTheTest.md",
      #"swift test --filter 'testTheTextNamesTheModuleAndTheTest\b'"#,
    ] {
      XCTAssert(texts[0].contains(part), "\(part) is not in \(texts[0])")
    }
  }

  func testHealthIsAsserted() throws {
    let playground = try Playground()
    let texts = playground.run {
      failures {
        try? assertHealthy(ToyModel().run)
        try? assertHealthy(ToyModel.with { $0.givesNaN = true }.run)
      }
    }
    XCTAssertEqual(texts.count, 1)
    XCTAssert(texts[0].contains("\"live\" is not healthy: second in step 0"), texts[0])
  }

  func testFailuresOfDetachedTasksArrive() throws {
    let playground = try Playground()
    try playground.record("toy")
    let texts = failures {
      let isOver = expectation(description: "the task is over")
      Task.detached {
        playground.run(["ASSAY_RECORD": "never"]) {
          assertReplay("toy") { _ in }
        }
        isOver.fulfill()
      }
      wait(for: [isOver], timeout: 60)
    }
    XCTAssertEqual(texts.count, 1)
  }

  func testFailuresOfQueuesArrive() throws {
    let playground = try Playground()
    try playground.record("toy")
    let texts = failures {
      let isOver = expectation(description: "the queue is done")
      DispatchQueue.global().async {
        playground.run(["ASSAY_RECORD": "never"]) {
          assertReplay("toy") { _ in }
        }
        isOver.fulfill()
      }
      wait(for: [isOver], timeout: 60)
    }
    XCTAssertEqual(texts.count, 1)
  }

  func testModules() throws {
    let playground = try Playground()
    try playground.record("toy")
    func run(factor: Float) throws -> [String] {
      try playground.run {
        try failures {
          try assertModule("toy", matching: "^first$") { inputs in
            let input = try inputs[0]
            return try Tensor(input.float32Values().map { $0 * factor }, dtype: .float32)
          }
        }
      }
    }
    XCTAssertEqual(try run(factor: 2), [])
    XCTAssert(try run(factor: 3).first?.contains("first in step 0") == true)
  }
}
