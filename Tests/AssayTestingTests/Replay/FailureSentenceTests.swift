import Assay
import AssayTesting
import AssayTestingSupport
import Testing

/// Every way to fail says what is wrong in a sentence of its own.
@Suite struct FailureSentenceTests {
  enum Mistake: String, CaseIterable {
    case values = "second in step 0: outputs on cpu has 2 of 3 elements outside the tolerance"
    case nothingAnnounced = "nothing was recorded, so nothing was compared"
    case extraStep = "the actual run has 3 steps, but the expected run only 2"
    case missingStep = "step 1 is missing: the golden has it, the run does not"
    case missingModule = "module second is missing in step 0: the golden calls it"
    case notANumber = "second in step 0: outputs on cpu has 3 NaN where the golden has none"
    case otherDType = "second in step 0: outputs on cpu has dtype torch.float64"

    var model: ToyModel {
      .with { model in
        switch self {
        case .values: model.factor = 4
        case .nothingAnnounced: model.announces = false
        case .extraStep: model.steps = 3
        case .missingStep: model.steps = 1
        case .missingModule: model.hasSecond = false
        case .notANumber: model.givesNaN = true
        case .otherDType: model.dtype = .float64
        }
      }
    }
  }

  @Test(arguments: Mistake.allCases) func aMistakeIsNamed(_ mistake: Mistake) throws {
    let playground = try Playground()
    try playground.record("toy")
    let before = FileState(playground.file("toy"))
    let texts = try playground.run {
      try failures { try assertReplay("toy", mistake.model.run) }
    }
    try #require(texts.count == 1)
    #expect(texts[0].contains(mistake.rawValue))
    let others = Mistake.allCases.filter { $0 != mistake && texts[0].contains($0.rawValue) }
    #expect(others == [])
    #expect(FileState(playground.file("toy")) == before)
  }

  @Test(arguments: Mistake.allCases) func aMistakeIsRecordedOnlyWhereThereIsARun(
    _ mistake: Mistake
  ) throws {
    let playground = try Playground()
    try playground.record("toy")
    let before = FileState(playground.file("toy"))
    let texts = try playground.run {
      try failures { try assertReplay("toy", record: .failed, mistake.model.run) }
    }
    try #require(texts.count == 1)
    let isNothing = mistake == .nothingAnnounced
    #expect((FileState(playground.file("toy")) == before) == isNothing)
    #expect(texts[0].contains("was recorded anew") != isNothing)
    #expect(playground.goldenFiles == ["toy.h5"])
  }

  @Test func aFirstRecordingOfNothingLeavesNothing() throws {
    let playground = try Playground()
    let model = ToyModel.with { $0.announces = false }
    let texts = try playground.run {
      try failures { try assertReplay("toy", recipe: ToyModel.recipe, model.run) }
    }
    #expect(texts.count == 1 && texts[0].contains("nothing was recorded"))
    #expect(playground.goldenFiles == [])
  }

  @Test func aTextEndsWithTheGoldenTheReportAndTheCommand() throws {
    let playground = try Playground()
    try playground.record("toy")
    let texts = try playground.run {
      try failures { try assertReplay("toy", Mistake.values.model.run) }
    }
    let report =
      playground.artifacts + "/toy.aTextEndsWithTheGoldenTheReportAndTheCommand.md"
    let command =
      "ASSAY_RECORD=failed swift test --filter 'AssayTestingTests.FailureSentenceTests/"
      + #"aTextEndsWithTheGoldenTheReportAndTheCommand\b'"#
    for part in [playground.file("toy"), report, command] {
      #expect(texts.first?.contains(part) == true, "\(part)")
    }
    #expect(texts.allSatisfy { $0.utf8.count <= 4096 })
  }
}
