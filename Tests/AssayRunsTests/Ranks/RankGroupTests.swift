import AssayBase
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Foundation
import Testing

/// Groups of ranks whose tensors are small enough to be joined by hand.
@Suite struct RankGroupTests {
  private static let key = TensorKey(
    CallKey(step: 0, module: "m"), device: .cpu, slot: Slot("outputs"))

  private static func run(
    _ rank: Int, of size: Int, placements: String? = nil, isComplete: Bool = true,
    id: String? = nil, _ fill: (inout InMemoryRun) throws -> Void
  ) throws -> InMemoryRun {
    var run = try InMemoryRun(
      rank: rank, of: size, placements: placements, id: id, isComplete: isComplete)
    try fill(&run)
    return run
  }

  private static func text(_ mesh: String, _ placement: String, replicas: String = "") -> String {
    #"{"mesh": \#(mesh), \#(replicas) "rules": [{"module": "m", \#(placement)}]}"#
  }

  private static func tensor(_ values: [Float], _ shape: [Int]) throws -> Tensor {
    try Tensor(values, dtype: .float32, shape: Shape(shape))
  }

  /// The whole of tensors that stand in the order of the ranks; `nil` for a rank without one.
  private func joined(
    _ pieces: [(values: [Float], shape: [Int])?], _ placement: String, mesh: String? = nil,
    replicas: String = ""
  ) throws -> Tensor {
    let mesh = mesh ?? #"[{"tp": \#(pieces.count)}]"#
    let text = Self.text(mesh, placement, replicas: replicas)
    let runs = try pieces.enumerated().map { rank, piece in
      try Self.run(rank, of: pieces.count, placements: text) { run in
        run.begin("m")
        if let piece { run.add(try Self.tensor(piece.values, piece.shape), "m", "outputs") }
      }
    }
    return try RankGroup(path: "group", unordered: runs.reversed(), placements: nil)
      .tensor(Self.key)
  }

  private func reason(_ body: () throws -> Tensor) -> String {
    do {
      _ = try body()
      return "nothing was wrong"
    } catch {
      return "\(error)"
    }
  }

  // MARK: - Joining

  @Test func shardsAreJoinedInTheOrderOfTheRanks() throws {
    let columns = try joined(
      [([1, 2, 5, 6], [2, 2]), ([3, 7], [2, 1])], #""tp": {"shard": -1, "width": 3}"#)
    #expect(columns.shape.dimensions == [2, 3])
    #expect(columns.float32Values() == [1, 2, 3, 5, 6, 7])
    let rows = try joined([([1, 2], [1, 2]), ([3, 4], [1, 2])], #""tp": {"shard": 0}"#)
    #expect(rows.shape.dimensions == [2, 2])
    #expect(rows.float32Values() == [1, 2, 3, 4])
    let middle = try joined(
      [([1, 2, 5, 6], [2, 1, 2]), ([3, 4, 7, 8], [2, 1, 2])],
      #""tp": {"shard": 1, "widths": [1, 1]}"#)
    #expect(middle.float32Values() == [1, 2, 3, 4, 5, 6, 7, 8])
  }

  /// q of 4, k and v of 1 for all of two ranks each.
  @Test func interleavedPartsAreTakenApart() throws {
    let whole = try joined(
      [
        ([1, 7, 9], [1, 3]), ([2, 7, 9], [1, 3]), ([3, 8, 10], [1, 3]), ([4, 8, 10], [1, 3]),
      ],
      #""tp": {"shard": -1, "parts": [4, {"width": 2, "replicas": 2}, {"name": "v", "widths": [1, 1], "replicas": 2}]}"#
    )
    #expect(whole.float32Values() == [1, 2, 3, 4, 7, 8, 9, 10])
  }

  @Test func partialSumsAreMadeInFloat64() throws {
    // In float32, 2^24 + 1 is 2^24: one after the other the ones would be lost.
    let whole = try joined(
      [([16_777_216], [1]), ([1], [1]), ([1], [1])], #""tp": "partial""#)
    #expect(whole.float32Values() == [16_777_218])
  }

  @Test func paddingIsLeftOut() throws {
    let whole = try joined(
      [([1, 2], [1, 2]), ([3, 0], [1, 2])], #""tp": {"shard": -1, "width": 3, "padding": 1}"#)
    #expect(whole.shape.dimensions == [1, 3])
    #expect(whole.float32Values() == [1, 2, 3])
  }

  @Test func zigzagAndIndicesSayWhichEntryIsWhich() throws {
    let zigzag = try joined(
      [([0, 3], [2]), ([1, 2], [2])], #""tp": {"shard": 0, "order": "zigzag", "width": 4}"#)
    #expect(zigzag.float32Values() == [0, 1, 2, 3])
    let indices = try joined(
      [([0, 2], [2]), ([3, 1], [2])], #""tp": {"shard": 0, "indices": [[0, 2], [3, 1]]}"#)
    #expect(indices.float32Values() == [0, 1, 2, 3])
  }

  /// The slower axis cuts first, as in DTensor: rank 1 holds the second half of the first half.
  @Test func axesOfAMeshAreJoinedFromTheFastest() throws {
    let pieces: [(values: [Float], shape: [Int])?] = [
      ([0], [1]), ([1], [1]), ([2], [1]), ([3], [1]),
    ]
    let whole = try joined(
      pieces, #""dp": {"shard": 0}, "tp": {"shard": 0}"#, mesh: #"[{"dp": 2}, {"tp": 2}]"#)
    #expect(whole.float32Values() == [0, 1, 2, 3])
    let swapped = try joined(
      pieces, #""tp": {"shard": 0}, "dp": {"shard": 0}"#,
      mesh: #"[{"dp": 2}, {"tp": 2}], "ranks": [0, 2, 1, 3]"#)
    #expect(swapped.float32Values() == [0, 2, 1, 3])
    let sums = try joined(
      pieces, #""dp": "partial", "tp": {"shard": 0}"#, mesh: #"[{"dp": 2}, {"tp": 2}]"#)
    #expect(sums.float32Values() == [2, 4])
  }

  /// Beyond 16 MiB a whole is never there at once; its elements and views of it are the same.
  @Test func largeWholesArePutTogetherPartByPart() throws {
    let (rows, width) = (3, 1_500_000)
    func value(_ row: Int, _ column: Int) -> Float { Float((row * 7919 + column) % 65_521) }
    func columns(_ range: Range<Int>) -> [Float] {
      (0..<rows).flatMap { row in range.map { value(row, $0) } }
    }
    let cut = 700_001
    let whole = try joined(
      [(columns(0..<cut), [rows, cut]), (columns(cut..<width), [rows, width - cut])],
      #""tp": {"shard": -1, "width": 1500000}"#)
    #expect(whole.float32Values() == columns(0..<width))
    let view = try whole.part(cut - 2..<cut + 3, alongAxis: 1)
    #expect(view.float32Values() == columns(cut - 2..<cut + 3))
    let sum = try joined(
      [(columns(0..<width), [rows, width]), (columns(0..<width), [rows, width])],
      #""tp": "partial""#)
    #expect(sum.float32Values() == columns(0..<width).map { 2 * $0 })
    let turned = try Tensor(
      storage: whole.storage, dtype: .float32, shape: Shape([2, 3]), strides: [1, width])
    #expect(
      turned.float32Values() == (0..<2).flatMap { column in (0..<3).map { value($0, column) } })
  }

  @Test func aStageIsOnOneRank() throws {
    let whole = try joined([nil, ([5], [1])], #""tp": "stage""#)
    #expect(whole.float32Values() == [5])
    #expect(
      reason { try joined([([5], [1]), ([5], [1])], #""tp": "stage""#) }
        .contains("ranks 0 and 1 hold it"))
  }

  /// Experts and layers that every rank counts from 0.
  @Test func modulesThatCountFromZeroGetTheirIndexInTheWhole() throws {
    let text = """
      {"mesh": [{"ep": 2}],
       "rules": [{"module": "experts\\\\.(\\\\d+)\\\\.w1", "ep": {"stage": [[0, 2], [1, 3]]}}]}
      """
    let runs = try (0..<2).map { rank in
      try Self.run(rank, of: 2, placements: text) { run in
        for local in 0..<2 {
          run.add(
            try Self.tensor([Float(10 * rank + local)], [1]), "experts.\(local).w1", "outputs")
        }
      }
    }
    let group = try RankGroup(path: "group", unordered: runs, placements: nil)
    let found = try group.steps[0].calls.flatMap { call in
      try call.tensors.map { (call.call.module, try group.tensor($0.key).float32Values()[0]) }
    }
    let names: [String] = found.map(\.0).sorted()
    #expect(names == (0..<4).map { "experts.\($0).w1" })
    for (module, value) in found {
      let expected: [String: Float] = [
        "experts.0.w1": 0, "experts.1.w1": 10, "experts.2.w1": 1, "experts.3.w1": 11,
      ]
      let wanted: Float? = expected[module]
      #expect(wanted == value)
    }
  }

  /// A third expert of a rank, without an index, must not hide behind the name of another one.
  @Test func aModuleWithoutAnIndexIsNoOther() throws {
    let text = """
      {"mesh": [{"ep": 2}],
       "rules": [{"module": "experts\\\\.(\\\\d+)", "ep": {"stage": [[0, 2], [1, 3]]}}]}
      """
    let runs = try (0..<2).map { rank in
      try Self.run(rank, of: 2, placements: text) { run in
        for local in 0..<(rank == 0 ? 3 : 2) {
          run.add(try Self.tensor([Float(local)], [1]), "experts.\(local)", "outputs")
        }
      }
    }
    let group = try RankGroup(path: "group", unordered: runs, placements: nil)
    let records = group.steps[0].calls.flatMap(\.tensors)
    let lost = try #require(records.first { $0.key.module == "experts.2" })
    #expect(lost.notRecorded?.contains("two tensors of this name") == true)
  }

  /// A child of the second stage ends before the parent that both stages have.
  @Test func callsOfAllStagesStandInOneOrder() throws {
    let text = Self.text(#"[{"pp": 2}]"#, #""pp": "stage""#)
    let names = [["model", "model.a"], ["model", "model.b", "head"]]
    let runs = try names.enumerated().map { rank, names in
      try Self.run(rank, of: 2, placements: text) { run in
        for name in names { run.begin(name) }
      }
    }
    let step = try RankGroup(path: "group", unordered: runs, placements: nil).steps[0]
    #expect(step.calls.map(\.call.module) == ["model", "model.a", "model.b", "head"])
    #expect(
      step.completionOrder.map { step.calls[$0].call.module }
        == ["model.a", "model.b", "model", "head"])
  }

  @Test func devicesOfTheRanksPair() throws {
    let text = Self.text(#"[{"tp": 2}]"#, #""tp": {"shard": 0}"#)
    let runs = try (0..<2).map { rank in
      try Self.run(rank, of: 2, placements: text) { run in
        run.add(
          try Self.tensor([Float(rank)], [1]), "m", "outputs", device: Device("cuda:\(rank)"))
      }
    }
    let group = try RankGroup(path: "group", unordered: runs, placements: nil)
    let key = try #require(group.steps[0].calls[0].tensors.first?.key)
    #expect(key.device == Device("cuda:0"))
    #expect(try group.tensor(key).float32Values() == [0, 1])
  }

  // MARK: - What is wrong

  @Test(arguments: [
    (#""tp": {"shard": -1, "width": 5}"#, "which are 4, and the width is declared as 5"),
    (#""tp": {"shard": -1, "widths": [1, 3]}"#, "the ranks hold [2, 2] entries"),
    (#""tp": {"shard": -1, "parts": [4, 2]}"#, "the shares of its parts [4, 2] are [3, 3]"),
    (#""tp": {"shard": 3}"#, "its shape [1, 2] has no axis 3"),
    (#""tp": {"shard": -1, "width": 3, "padding": 1}"#, "the padding holds 4.0"),
    (#""tp": {"shard": -1, "indices": [[0], [1]]}"#, "indices are given for [1, 1]"),
    (#""tp": "replicate""#, "rank 1 holds another replica than rank 0: the largest |d| is 2 at"),
    (#""slot": "inputs", "tp": "replicate""#, "no rule of"),
    (#""other": "replicate""#, "unknown key \"other\""),
    ("\"slot\": \"outputs\"", "does not declare how it lies along tp, an axis of 2 ranks"),
  ])
  func aWrongPlacementIsSaid(placement: String, part: String) {
    let text = reason { try joined([([1, 2], [1, 2]), ([3, 4], [1, 2])], placement) }
    #expect(text.contains(part), "\(text)")
  }

  @Test func replicasAgreeWithinTheBoundThatIsGiven() throws {
    let pieces: [(values: [Float], shape: [Int])?] = [([1, 2], [2]), ([1, 2.001], [2])]
    let whole = try joined(pieces, #""tp": "replicate""#, replicas: #""replicas": {"rtol": 1e-3},"#)
    #expect(whole.float32Values() == [1, 2])
    let text = reason {
      try joined(pieces, #""tp": "replicate""#, replicas: #""replicas": {"rtol": 1e-4},"#)
    }
    #expect(text.contains("within rtol 0.0001"))
    // NaN is NaN, and a sign of zero is no difference of values.
    _ = try joined([([.nan, 0], [2]), ([.nan, -0.0], [2])], #""tp": "replicate""#)
    #expect(
      reason { try joined([([.nan], [1]), ([1], [1])], #""tp": "replicate""#) }
        .contains("another replica"))
  }

  /// A share of infinity is infinite, and yet nothing is within it.
  @Test(
    arguments: [(.infinity, 1), (1, .infinity), (.infinity, -.infinity), (.nan, 1)]
      as [(Float, Float)])
  func nothingIsNearInfinity(first: Float, second: Float) {
    let found = reason {
      try joined(
        [([first], [1]), ([second], [1])], #""tp": "replicate""#,
        replicas: #""replicas": {"rtol": 1, "atol": 1e30},"#)
    }
    #expect(found.contains("the largest |d| is inf"), "\(found)")
  }

  /// Integers are exact, whatever the bound, also where float64 would not tell them apart.
  @Test(arguments: ["", #""replicas": {"rtol": 1, "atol": 10},"#])
  func replicasOfIntegersAreEqual(replicas: String) throws {
    let text = Self.text(#"[{"tp": 2}]"#, #""tp": "replicate""#, replicas: replicas)
    let runs = try (0..<2).map { rank in
      try Self.run(rank, of: 2, placements: text) { run in
        run.add(
          try Tensor([Int64(1) << 60 + Int64(rank), 7], dtype: .int64), "m", "outputs")
      }
    }
    let group = try RankGroup(path: "group", unordered: runs, placements: nil)
    let found = reason { try group.tensor(Self.key) }
    #expect(found.contains("the largest |d| is 1 at [0]"), "\(found)")
  }

  @Test func aPatternThatTakesForEverPlacesNothing() throws {
    let name = String(repeating: "a", count: 60)
    let text = #"{"mesh": [{"tp": 2}], "rules": [{"module": "(a+)+b", "tp": "replicate"}]}"#
    let runs = try (0..<2).map { rank in
      try Self.run(rank, of: 2, placements: text) { run in
        run.add(try Self.tensor([1], [1]), name, "outputs")
      }
    }
    let error = #expect(throws: RunError.self) {
      try RankGroup(path: "group", unordered: runs, placements: nil)
    }
    #expect("\(String(describing: error))".contains("takes too long"))
  }

  @Test func aRankWithoutTheTensorIsNamed() {
    let text = reason { try joined([([1], [1]), nil, ([1], [1])], #""tp": "replicate""#) }
    #expect(text.contains("rank 1 has no such tensor, and rank 0 has"))
  }

  @Test func missingDoubledAndUnfinishedRanksAreNamed() throws {
    let text = Self.text(#"[{"tp": 3}]"#, #""tp": "replicate""#)
    func open(_ runs: [InMemoryRun]) -> String {
      do {
        _ = try RankGroup(path: "group", unordered: runs, placements: nil)
        return "nothing was wrong"
      } catch {
        return "\(error)"
      }
    }
    let runs = try (0..<3).map { try Self.run($0, of: 3, placements: text) { $0.begin("m") } }
    #expect(open([runs[0], runs[2]]).contains("of 3 ranks 1 is missing: rank 1"))
    #expect(open([runs[0], runs[1], runs[1]]).contains("rank 1 is there twice"))
    // Told by a damaged file; a list of the missing would take more memory than there is.
    let many = try Self.run(1, of: .max, placements: text) { $0.begin("m") }
    #expect(
      open([many]).contains(
        "of \(Int.max) ranks \(Int.max - 1) are missing: rank 0, 2, 3, 4, 5, 6, 7, 8, …; to look"))
    let cut = try Self.run(2, of: 3, placements: text, isComplete: false) { $0.begin("m") }
    #expect(open([runs[0], runs[1], cut]).contains("rank 2 was not recorded to its end"))
    // A server that was stopped: all ranks are cut, and one has a step more.
    let stopped = try (0..<3).map { rank in
      try Self.run(rank, of: 3, placements: text, isComplete: false) { run in
        for step in 0...(rank == 1 ? 2 : 1) { run.begin(step: step, "m") }
      }
    }
    let group = try RankGroup(path: "group", unordered: stopped, placements: nil)
    #expect(!group.manifest.isComplete)
    #expect(group.steps.map(\.index) == [0, 1])
    let foreign = try Self.run(2, of: 4, placements: text) { $0.begin("m") }
    #expect(open([runs[0], runs[1], foreign]).contains("rank 2 of 4"))
    let short = try Self.run(2, of: 3, placements: text) { _ in }
    #expect(open([runs[0], runs[1], short]).contains("rank 2 has 0 steps"))
    let other = try Self.run(
      2, of: 3, placements: Self.text(#"[{"tp": 3}]"#, #""tp": "partial""#)
    ) { $0.begin("m") }
    #expect(open([runs[0], runs[1], other]).contains("is another than that of a rank before it"))
    let sized = try (0..<3).map {
      try Self.run($0, of: 3, placements: Self.text(#"[{"tp": 2}]"#, #""tp": "partial""#)) {
        $0.begin("m")
      }
    }
    #expect(open(sized).contains("tp 2 is 2 ranks, and group has 3"))
  }
}
