import AssayTestingSupport
import Testing

@Suite struct RecordTableTests {
  @Test(arguments: RecordCell.all) func everyCellDoesWhatTheTableSays(_ cell: RecordCell) throws {
    let problems = try cell.problems { try failures(of: $0) }
    #expect(problems == [])
  }
}
