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

  /// Four are told, and of more how many.
  @Test(arguments: [4, 5, 8]) func ofManyTheFirstFourAreTold(count: Int) throws {
    let names = (0..<count).map { "layers.\($0)" }
    let expected = try chain("e", names, seeds: Array(0..<count))
    let actual = try chain("a", names, seeds: (0..<count).map { ($0 + 1) % count })
    let notes = try compare(actual, expected).notes
    #expect(notes.filter { $0.contains(" is equal to ") }.count == 4)
    #expect(
      notes.filter { $0.contains("have equals like these") }
        == (count == 4 ? [] : ["\(count - 4) more failing tensors have equals like these"]))
  }

  /// Sixteen elements are evidence; integers, fewer elements, and another order of them are none.
  @Test func evidenceIsTheBytesOfEnoughFloats() throws {
    func found(_ q: [Float], _ k: [Float]) throws -> Int {
      let actual = try run("a", [("q", [("outputs", q)]), ("k", [("outputs", k)])])
      let expected = try run("e", [("q", [("outputs", k)]), ("k", [("outputs", q)])])
      return equals(try compare(actual, expected)).count
    }
    #expect(try found(values(0, count: 16), values(1, count: 16)) == 2)
    #expect(try found(values(0, count: 15), values(1, count: 15)) == 0)
    let steps = (0..<32).map { Float($0) }
    let calls = { (q: [Float]) -> [Call] in [("q", [("outputs", q)])] }
    let other = values(1)
    let actual = try run("a", calls(other) + [("k", [("outputs", steps)])])
    let expected = try run("e", calls(Array(steps.reversed())) + [("k", [("outputs", steps)])])
    // The figures of q are those of k, whose elements are in another order.
    #expect(equals(try compare(actual, expected)).isEmpty)
    var (ours, theirs) = (InMemoryRun(path: "a"), InMemoryRun(path: "e"))
    for (name, offset) in [("q", 0), ("k", 1)] {
      let tensors = try [offset, 1 - offset].map { offset in
        try Tensor((0..<32).map { Int64($0 * 7 + offset) }, dtype: .int64)
      }
      ours.add(tensors[0], name, "outputs")
      theirs.add(tensors[1], name, "outputs")
    }
    #expect(equals(try compare(ours, theirs)).isEmpty)
  }

  /// Another shape or dtype than its counterpart's hides nothing, and no tensor is its own equal.
  @Test func tensorsOfAnotherFormAreFound() throws {
    let (own, others) = (values(5), values(6))
    var (actual, expected) = (InMemoryRun(path: "a"), InMemoryRun(path: "e"))
    func tensor(_ values: [Float], _ shape: [Int]) throws -> Tensor {
      try Tensor(values, dtype: .float32, shape: Shape(shape))
    }
    func double(_ values: [Float]) throws -> Tensor {
      try Tensor(values.map(Double.init), dtype: .float64, shape: Shape([32]))
    }
    actual.add(try tensor(own, [4, 8]), "shaped", "outputs")
    expected.add(try tensor(others, [32]), "shaped", "outputs")
    expected.add(try tensor(own, [32]), "there", "outputs")
    actual.add(try double(own), "typed", "outputs")
    expected.add(try tensor(others, [32]), "typed", "outputs")
    expected.add(try double(own), "too", "outputs")
    // The same elements in another shape, which is all that is wrong.
    actual.add(try tensor(values(9), [4, 8]), "flat", "outputs")
    expected.add(try tensor(values(9), [32]), "flat", "outputs")
    #expect(
      equals(try compare(actual, expected)) == [
        "step 0 shaped outputs on cpu of the actual run is equal to step 0 there outputs on cpu of "
          + "the expected run",
        "step 0 typed outputs on cpu of the actual run is equal to step 0 too outputs on cpu of the "
          + "expected run",
      ])
  }

  /// Digests tell their hashes without elements.
  @Test func swappedDigestsAreFound() throws {
    func run(_ path: String, _ seeds: [Int]) throws -> InMemoryRun {
      var run = InMemoryRun(path: path)
      for (name, seed) in zip(["q", "k"], seeds) {
        let tensor = try Tensor(values(seed), dtype: .float32)
        run.add(
          nil, name, "outputs",
          skipped: SkippedTensor(
            dtype: .float32, shape: tensor.shape, device: .cpu, reason: "only a digest",
            digest: TensorDigest(of: tensor)))
      }
      return run
    }
    #expect(equals(try compare(run("a", [1, 0]), run("e", [0, 1]))).count == 2)
  }

  /// Of several equals the one of the same step is named, then of the same slot, then side.
  @Test(
    arguments: [
      ([(0, "outputs"), (1, "inputs_0")], 1), ([(1, "inputs_0"), (1, "outputs")], 1),
      ([(1, "inputs_0"), (1, "outputs_1")], 1), ([(1, "outputs_1"), (1, "outputs")], 1),
      ([(1, "outputs_1"), (1, "outputs_2")], 0),
    ] as [([(Int, String)], Int)])
  func theLikeliestEqualIsNamed(equals places: [(Int, String)], named: Int) throws {
    let calls = places.enumerated().map { (step: $1.0, name: "c\($0)", slot: $1.1) }
    func run(_ path: String, _ x: [Float]) throws -> InMemoryRun {
      var run = InMemoryRun(path: path)
      for call in calls {
        try run.add(step: call.step, [(call.name, [(call.slot, values(1))])])
      }
      try run.add(step: 1, [("x", [("outputs", x)])])
      return run
    }
    let call = calls[named]
    #expect(
      equals(try compare(run("a", values(1)), run("e", values(2)))) == [
        "step 1 x outputs on cpu of the actual run is equal to step \(call.step) \(call.name) "
          + "\(call.slot) on cpu of the expected run"
      ])
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
