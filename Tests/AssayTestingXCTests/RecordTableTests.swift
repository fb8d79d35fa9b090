import AssayTestingSupport
import XCTest

final class RecordTableTests: CollectingTestCase {
  func testEveryCellDoesWhatTheTableSays() throws {
    for cell in RecordCell.all {
      let problems = try cell.problems { try failures(of: $0) }
      XCTAssertEqual(problems, [])
    }
  }
}
