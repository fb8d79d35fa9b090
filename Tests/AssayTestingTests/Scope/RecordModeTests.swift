import Testing

@testable import AssayTesting

@Suite struct RecordModeTests {
  private func resolve(
    _ chosen: RecordMode?, _ variables: [String: String]
  ) throws(ReplayTestError) -> RecordMode {
    try RecordMode.resolve(chosen, in: TestEnvironment(variables: variables))
  }

  @Test func withoutAChoiceMissingGoldensAreRecorded() throws {
    #expect(try resolve(nil, [:]) == .missing)
    #expect(try resolve(nil, ["ASSAY_RECORD": "", "CI": "false"]) == .missing)
  }

  @Test(arguments: RecordMode.allCases) func theEnvironmentChoosesLast(_ mode: RecordMode) throws {
    #expect(try resolve(nil, ["ASSAY_RECORD": mode.rawValue]) == mode)
    #expect(try resolve(.missing, ["ASSAY_RECORD": "all"]) == .missing)
    #expect(try resolve(mode, ["ASSAY_RECORD": "failed"]) == mode)
  }

  @Test(arguments: RecordMode.allCases) func neverInTheEnvironmentBeatsAll(
    _ mode: RecordMode
  ) throws {
    #expect(try resolve(mode, ["ASSAY_RECORD": "never"]) == .never)
    #expect(try resolve(mode, ["CI": "true"]) == .never)
    #expect(try resolve(mode, ["CI": "1"]) == .never)
  }

  @Test func continuousIntegrationMayBeToldToRecord() throws {
    #expect(try resolve(nil, ["CI": "true", "ASSAY_RECORD": "failed"]) == .failed)
    #expect(try resolve(.all, ["CI": "true", "ASSAY_RECORD": "failed"]) == .all)
  }

  @Test(arguments: ["yes", "ALL", " all", "missing,all"])
  func anUnknownModeListsTheOnesThereAre(_ value: String) {
    let error = #expect(throws: ReplayTestError.unknownRecordMode(value)) {
      try resolve(.never, ["ASSAY_RECORD": value, "CI": "true"])
    }
    #expect(
      error?.description == "ASSAY_RECORD is \"\(value)\"; it can be missing, all, failed, never")
  }
}
