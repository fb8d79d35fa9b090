import Foundation
import Testing

/// `--keep` of `assay record` and `assay convert`, and what other commands make of digests.
@Suite struct KeepTests {
  @Test func aRecordingOfDigestsIsReplayed() throws {
    let folder = try TemporaryFolder()
    let golden = folder.path("digest.h5")
    let recorded = try AssayProcess.run([
      "record", "--model", RecordTests.checkpoint, "--prompt", RecordTests.prompt, "--max-tokens",
      "4", "--keep", "digest", "--golden", golden,
    ])
    try #require(recorded.status == 0, "\(recorded.stderr)")
    let arguments = ["replay", golden, "--model", RecordTests.checkpoint]
    #expect(try AssayProcess.run(arguments).status == 0)
    let isolated = try AssayProcess.run(arguments + ["--isolated"])
    #expect(isolated.status == 2 && isolated.stderr.contains("keeps digests of"))
    let (status, report) = try CompareTests.compare(
      "--dir1", golden, "--dir2", CompareTests.golden, "--rtol", "1e-4", "--atol", "1e-5")
    #expect(status == 0 && report.summary.tensors.compared > 500)
  }

  @Test func convertingMakesASmallGolden() throws {
    let folder = try TemporaryFolder()
    let (small, back) = (folder.path("small.h5"), folder.path("back"))
    for arguments in [
      ["convert", CompareTests.golden, small, "--keep", "sample"], ["convert", small, back],
    ] {
      let outcome = try AssayProcess.run(arguments)
      #expect(outcome.status == 0, "\(outcome.stderr)")
    }
    let listing = try AssayProcess.run(["inspect", back, "--format", "json"]).stdout
    #expect(listing.contains("\"digest\" : {") && listing.contains("\"keep\" : \"sample\""))
    let table = try AssayProcess.run(["inspect", small, "--module", "lm_head"]).stdout
    #expect(table.contains("only a digest and a sample were kept"))
    // The hashes of digests are those of the elements.
    #expect(
      Set(try InspectAndConvertTests.inspect(small).tensors)
        == Set(try InspectAndConvertTests.inspect(CompareTests.golden).tensors))
  }

  @Test func reportsSayThatVerdictsAreEstimates() throws {
    let folder = try TemporaryFolder()
    let small = folder.path("small.h5")
    #expect(
      try AssayProcess.run(["convert", CompareTests.golden, small, "--keep", "digest"]).status == 0)
    let bug = "Golden/tiny-llama/bugs/weight-row.h5"
    for (format, texts) in [
      ("md", ["by digest, an estimate", "## Estimates", "| rel_l2 | ≈ "]),
      ("json", [#""estimated":52"#, #""estimate":{"#, #""confidence":0.99"#]),
      ("html", ["by digest, an estimate"]),
    ] {
      let outcome = try AssayProcess.run([
        "compare", "--dir1", bug, "--dir2", small, "--rtol", "1e-3", "--atol", "1e-4", "--format",
        format, "--junit", folder.path("junit.xml"),
      ])
      #expect(outcome.status == 1)
      for text in texts { #expect(outcome.stdout.contains(text), "\(format): \(text)") }
    }
    let junit = try String(contentsOfFile: folder.path("junit.xml"), encoding: .utf8)
    #expect(junit.contains("estimated from digests"))
    // An approval keeps the digests, and shows how they change.
    let approved = try AssayProcess.run(["approve", small, folder.path("new.h5"), "--yes"])
    #expect(approved.status == 0, "\(approved.stderr)")
    let changed = try AssayProcess.run([
      "approve", bug, folder.path("new.h5"), "--yes", "--rtol", "1e-3", "--atol", "1e-4",
    ])
    #expect(changed.status == 0, "\(changed.stderr)")
    #expect(changed.stdout.contains("≈"))
  }

  @Test func unknownValuesAreRefused() throws {
    let outcome = try AssayProcess.run(["convert", CompareTests.golden, "x.h5", "--keep", "some"])
    #expect(outcome.status == 2)
    #expect(outcome.stderr.contains("full") && outcome.stderr.contains("digest"))
  }
}
