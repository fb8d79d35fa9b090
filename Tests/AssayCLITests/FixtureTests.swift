import Foundation
import Testing

/// What the commands make of files of named tensors.
@Suite struct FixtureTests {
  private static let files = "Tests/AssayRunsTests/Fixtures/files/"
  private static let stages = files + "stages.npz"

  @Test func anUnreadableArrayIsListedAndIsAnError() throws {
    let outcome = try AssayProcess.run(["inspect", Self.files + "refused.npz"])
    #expect(outcome.status == 2)
    #expect(outcome.stdout.contains("Python objects") && outcome.stdout.contains("good"))
    #expect(outcome.stderr.contains("7 of the tensors"))
  }

  @Test func aRecordingIsHeldToTheStages() throws {
    let golden = "Golden/tiny-llama/float32.h5"
    let outcome = try AssayProcess.run(["compare", golden, Self.stages])
    #expect(outcome.status == 0)
    #expect(outcome.stdout.contains("558 of the 560 tensors"))
    // The other way round all that the fixture lacks is missing.
    let reversed = try AssayProcess.run(["compare", Self.stages, golden])
    #expect(reversed.status == 1 && reversed.stdout.contains("558 missing in the actual run"))
  }

  @Test func anUnreadableStageIsNeverGreen() throws {
    let path = Self.files + "refused.npz"
    let outcome = try AssayProcess.run(["compare", path, path])
    #expect(outcome.status == 2 && outcome.stdout.contains("7 unreadable"))
    #expect(try AssayProcess.run(["check", path]).status == 2)
  }

  @Test func nothingIsWrittenOverAFixture() throws {
    let folder = try TemporaryFolder()
    let fixture = folder.url.appending(path: "x.npz")
    try FileManager.default.copyItem(
      at: AssayProcess.packageRoot.appending(path: Self.stages), to: fixture)
    let before = try Data(contentsOf: fixture)
    let golden = AssayProcess.packageRoot.appending(path: "Golden/tiny-llama/float32.h5").path
    for target in ["x.npz", "x.h5"] {
      let path = folder.url.appending(path: target).path
      let approved = try AssayProcess.run(["approve", golden, path, "--yes"])
      #expect(approved.status == 2 && approved.stderr.contains("x.npz"), "\(approved.stderr)")
      let recorded = try AssayProcess.run([
        "record", "--model", "Golden/tiny-llama/checkpoint", "--prompt", "The", "--max-tokens", "1",
        "--golden", path,
      ])
      #expect(recorded.status == 2 && recorded.stderr.contains("x.npz"), "\(recorded.stderr)")
    }
    #expect(try Data(contentsOf: fixture) == before)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["x.npz"])
  }
}
