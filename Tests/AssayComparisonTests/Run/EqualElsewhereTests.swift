import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Testing

/// Failing tensors whose bytes stand under another name are said to.
@Suite struct EqualElsewhereTests {
  private func values(_ seed: Int, count: Int = 32) -> [Float] {
    (0..<count).map { Float((($0 + 1) * (seed + 3) * 7919) % 1009) / 64 }
  }

  private func chain(_ path: String, _ names: [String], seeds: [Int]) throws -> InMemoryRun {
    try run(path, zip(names, seeds).map { ($0, [("outputs", values($1))]) })
  }

  private func equals(_ comparison: RunComparison) -> [String] {
    comparison.notes.filter { $0.contains("equal to") }
  }

  @Test func swappedNamesAreBothNamed() throws {
    let expected = try chain("e", ["q", "k", "v"], seeds: [0, 1, 2])
    let actual = try chain("a", ["q", "k", "v"], seeds: [1, 0, 2])
    let comparison = try compare(actual, expected)
    #expect(!comparison.isMatch)
    #expect(
      equals(comparison) == [
        "step 0 q outputs on cpu of the actual run is equal to step 0 k outputs on cpu of the "
          + "expected run",
        "step 0 k outputs on cpu of the actual run is equal to step 0 q outputs on cpu of the "
          + "expected run",
      ])
  }

  @Test func aNormThatIsAnothersLayerIsNamed() throws {
    // The expected layer 3 matches, and the norm should be another.
    let names = (0..<4).map { "layers.\($0)" } + ["norm"]
    let expected = try chain("e", names, seeds: [0, 1, 2, 3, 4])
    let actual = try chain("a", names, seeds: [0, 1, 2, 3, 3])
    #expect(
      equals(try compare(actual, expected)) == [
        "step 0 norm outputs on cpu of the actual run is equal to step 0 layers.3 outputs on cpu "
          + "of the expected run"
      ])
    // The other way round it is the expected norm that stands elsewhere in the actual run.
    #expect(
      equals(try compare(expected, actual)) == [
        "step 0 norm outputs on cpu of the expected run is equal to step 0 layers.3 outputs on cpu "
          + "of the actual run"
      ])
  }

  @Test func dumpsThatAreOffByOneAreNamed() throws {
    let expected = try chain("e", (0..<6).map { "layers.\($0)" }, seeds: Array(0..<6))
    let actual = try chain("a", (1..<7).map { "layers.\($0)" }, seeds: Array(0..<6))
    let found = equals(try compare(actual, expected))
    #expect(
      found.first
        == "step 0 layers.1 outputs on cpu of the actual run is equal to step 0 layers.0 outputs on "
        + "cpu of the expected run")
    #expect(found.count == 4)
  }

  /// One in another shape, one that lies alone, and the same slot before others.
  @Test func missingAndReshapedTensorsAreFoundToo() throws {
    var (actual, expected) = (InMemoryRun(path: "a"), InMemoryRun(path: "e"))
    let tensor = try Tensor(values(5), dtype: .float32, shape: Shape([4, 8]))
    let flat = try Tensor(values(5), dtype: .float32, shape: Shape([32]))
    actual.add(flat, "renamed", "outputs")
    expected.add(tensor, "name", "inputs_0")
    expected.add(tensor, "name", "outputs")
    #expect(
      equals(try compare(actual, expected)).first
        == "step 0 renamed outputs on cpu of the actual run is equal to step 0 name outputs on cpu "
        + "of the expected run")
  }

  /// What is equal by chance or by nature, and what matches, says nothing.
  @Test func nothingIsSaidWithoutEvidence() throws {
    let same = try chain("a", ["q", "k"], seeds: [1, 1])
    #expect(equals(try compare(same, same)).isEmpty)
    let zeros = [Float](repeating: 0, count: 64)
    let constant = try compare(
      run("a", [("q", [("outputs", zeros)]), ("k", [("outputs", values(1, count: 64))])]),
      run("e", [("q", [("outputs", values(1, count: 64))]), ("k", [("outputs", zeros)])]))
    // The values are told, the zeros are not.
    #expect(
      equals(constant) == [
        "step 0 k outputs on cpu of the actual run is equal to step 0 q outputs on cpu of the "
          + "expected run"
      ])
    #expect(
      equals(
        try compare(
          run("a", [("q", [("outputs", [1, 2])]), ("k", [("outputs", [2, 3])])]),
          run("e", [("q", [("outputs", [2, 3])]), ("k", [("outputs", [1, 2])])]))
      ).isEmpty)
  }
}
