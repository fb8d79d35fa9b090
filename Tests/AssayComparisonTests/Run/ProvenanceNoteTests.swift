import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

@Suite struct ProvenanceNoteTests {
  private func comparison(
    values: [Float] = [1, 2], _ change: (inout Provenance) -> Void
  ) throws -> RunComparison {
    var provenance = Provenance(tool: "assay", toolVersion: "1", created: "2026-01-01T00:00:00Z")
    provenance.framework = "pytorch"
    provenance.frameworkVersion = "2.13.0"
    provenance.cpuFeatures = ["avx2", "amx_tile"]
    provenance.threads = 1
    provenance.libraries = ["mkl": "2024"]
    var expected = try run("B", [("a", [("outputs", [1, 2])])])
    expected.manifest.provenance = provenance
    change(&provenance)
    var actual = try run("A", [("a", [("outputs", values)])])
    actual.manifest.provenance = provenance
    return try compare(actual, expected, ComparisonOptions(tolerance: .torch))
  }

  @Test func whatExplainsNoiseIsNoted() throws {
    let comparison = try comparison(values: [1, 2.000001]) {
      $0.frameworkVersion = "2.14.0"
      $0.cpuFeatures = ["avx2", "avx512f"]
      $0.threads = 8
      $0.libraries = ["mkl": "2025"]
    }
    #expect(comparison.isMatch)
    #expect(
      comparison.notes == [
        "the runs were not computed alike, which explains differences by rounding: pytorch 2.14.0 "
          + "instead of 2.13.0; mkl 2025 instead of 2024; CPU features +avx512f, -amx_tile; "
          + "threads 8 instead of 1"
      ])
  }

  @Test func equalValuesAndEqualComputationsNeedNoNote() throws {
    #expect(try comparison { $0.threads = 8 }.notes.isEmpty)
    #expect(try comparison(values: [1, 3]) { $0.created = "2026-02-02T00:00:00Z" }.notes.isEmpty)
    #expect(try comparison(values: [1, 3]) { $0.threads = nil }.notes.isEmpty)
  }
}
