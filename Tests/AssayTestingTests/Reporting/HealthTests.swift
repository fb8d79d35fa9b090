import Assay
import AssayTesting
import AssayTestingSupport
import Foundation
import Testing

@Suite struct HealthTests {
  private static let sick = ToyModel.with { $0.givesNaN = true }

  @Test func goldensAreCheckedByName() throws {
    let playground = try Playground()
    try playground.record("toy")
    try playground.record("sick", Self.sick)
    let texts = try playground.run {
      try failures {
        assertHealthy("toy")
        assertHealthy("sick", options: HealthOptions(modules: [try ModulePattern("first")]))
        assertHealthy("sick")
        assertHealthy("none")
      }
    }
    try #require(texts.count == 2)
    #expect(texts[0].hasPrefix("\"sick\" is not healthy: second in step 0, outputs on cpu: 3 of 3"))
    #expect(texts[0].contains("origin:    made here: nothing that it was given shows it"))
    #expect(texts[0].contains("given:     inputs_0 0 to 4"))
    #expect(texts[0].contains(playground.artifacts + "/sick.goldensAreCheckedByName.md"))
    #expect(texts[1].hasPrefix("Golden \"none\": ") && texts[1].contains("none.h5"))
    #expect(playground.reports == ["sick.goldensAreCheckedByName.md"])
  }

  @Test func runsAreCheckedByPath() throws {
    let playground = try Playground()
    try playground.record("sick", Self.sick)
    let texts = try playground.run(["GITHUB_ACTIONS": "true"]) {
      try failures { assertHealthy(run: playground.file("sick")) }
    }
    #expect(texts.count == 1 && texts[0].hasPrefix("\"sick.h5\" is not healthy: second in step 0"))
    #expect(playground.printed.count == 1 && playground.printed[0].contains("title=run sick.h5::"))
    #expect(!(try verifyHealth(ofRun: playground.file("sick"))).isHealthy)
  }

  @Test func modelsAreCheckedAsTheyRun() async throws {
    let playground = try Playground()
    try playground.record("toy")
    let texts = try await playground.run {
      try await failures {
        try assertHealthy(ToyModel().run)
        try assertHealthy(Self.sick.run)
        try await assertHealthy(golden: "toy") { probe in
          await Task.yield()
          #expect(try probe.recipe.tokenIDs == ToyModel.recipe.tokenIDs)
          try Self.sick.run(probe)
        }
        assertHealthy { _ in }
        try assertHealthy { _ in throw ToyError() }
      }
    }
    try #require(texts.count == 4)
    #expect(texts[0].hasPrefix("\"live\" is not healthy: second in step 0, outputs on cpu"))
    #expect(texts[1].hasPrefix("\"toy\" is not healthy: second in step 0"))
    #expect(texts[2].contains("nothing was recorded, so nothing was checked"))
    #expect(texts[3].hasPrefix("Run \"live\": ") && texts[3].contains("ToyError"))
  }

  /// What is measured while a model runs is what its recording shows.
  @Test func bothWaysFindTheSame() throws {
    let playground = try Playground()
    try playground.record("sick", Self.sick)
    try playground.run {
      let recorded = try verifyHealth(of: "sick")
      let live = try verifyHealth(Self.sick.run)
      #expect(recorded.findings == live.findings && recorded.summary == live.summary)
      #expect(recorded.inherited == live.inherited && !live.isHealthy)
    }
  }

  @Test func theFailureIsAtTheCallersLine() throws {
    let playground = try Playground()
    let line = #line + 4
    try withKnownIssue {
      try playground.run {
        // The next line is the one.
        try assertHealthy(Self.sick.run)
      }
    } matching: {
      $0.sourceLocation?.line == line && $0.sourceLocation?.fileID == #fileID
    }
  }

  private struct ToyError: Error {}
}
