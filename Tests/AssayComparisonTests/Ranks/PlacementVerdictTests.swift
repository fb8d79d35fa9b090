import AssayBase
import AssayComparison
import AssayRuns
import AssayRunsSupport
import AssayTensors
import Foundation
import Testing

/// A model of a fused projection, an activation, a row-parallel layer and a head, on two or four
/// ranks: every value tells its row and its column in the whole, so that nothing is equal by chance.
@Suite struct PlacementVerdictTests {
  private static func value(_ seed: Int, _ row: Int, _ column: Int) -> Float {
    Float(seed) + Float(row) * 3.25 + Float((column * 37) % 101) / 8
  }

  private static func tensor(
    _ seed: Int, _ columns: [Int], scale: Float = 1, rows: Int = 2
  ) throws -> Tensor {
    try Tensor(
      (0..<rows).flatMap { row in columns.map { value(seed, row, $0) * scale } }, dtype: .float32,
      shape: Shape([rows, columns.count]))
  }

  /// What a rank holds of each module, by name.
  typealias Piece = (_ rank: Int) throws -> Tensor

  /// q of 8 columns, k and v of 4.
  private static func fused(_ rank: Int, of size: Int, kvShares: Int) -> [Int] {
    func share(_ start: Int, _ width: Int, _ index: Int, _ count: Int) -> [Int] {
      let part = width / count
      return Array(start + index * part..<start + (index + 1) * part)
    }
    let kv = rank * kvShares / size
    return share(0, 8, rank, size) + share(8, 4, kv, kvShares) + share(12, 4, kv, kvShares)
  }

  private static let rules = [
    "qkv": #""tp": {"shard": -1, "parts": [8, 4, 4]}"#,
    "act": #""tp": {"shard": -1, "width": 8}"#,
    "down": #""tp": "partial""#,
    "out": #""tp": "replicate""#,
    "head": #""tp": {"shard": -1, "width": 6, "padding": 2}"#,
  ]
  private static let order = ["qkv", "act", "down", "out", "head"]

  private static func whole(_ change: (String) -> Float = { _ in 1 }) throws -> InMemoryRun {
    var run = InMemoryRun(path: "whole")
    run.add(try tensor(100, Array(0..<16), scale: change("qkv")), "qkv", "outputs")
    run.add(try tensor(200, Array(0..<8), scale: change("act")), "act", "outputs")
    run.add(try tensor(300, Array(0..<5), scale: change("down")), "down", "outputs")
    run.add(try tensor(400, Array(0..<5), scale: change("out")), "out", "outputs")
    run.add(try tensor(500, Array(0..<6), scale: change("head")), "head", "outputs")
    return run
  }

  private static func piece(_ module: String, _ rank: Int) throws -> Tensor {
    switch module {
    case "qkv": return try tensor(100, fused(rank, of: 2, kvShares: 2))
    case "act": return try tensor(200, Array(rank * 4..<rank * 4 + 4))
    // A third and two thirds, whose sum is the whole within the tolerance.
    case "down": return try tensor(300, Array(0..<5), scale: rank == 0 ? 1.0 / 3 : 2.0 / 3)
    case "out": return try tensor(400, Array(0..<5))
    default:
      guard rank == 1 else { return try tensor(500, Array(0..<4)) }
      var values = try tensor(500, [4, 5]).float32Values()
      values.insert(contentsOf: [0, 0], at: 4)
      values.insert(contentsOf: [0, 0], at: 2)
      return try Tensor(values, dtype: .float32, shape: Shape([2, 4]))
    }
  }

  private static func group(
    _ size: Int = 2, rules: [String: String] = rules, rows: StepRows? = nil,
    piece: (String, Int) throws -> Tensor? = { try piece($0, $1) }
  ) throws -> RankGroup {
    let list = order.compactMap { name in
      rules[name].map { #"{"module": "\#(name)", \#($0)}"# }
    }
    let text = #"{"mesh": [{"tp": \#(size)}], "rules": [\#(list.joined(separator: ", "))]}"#
    let runs = try (0..<size).map { rank in
      var run = try InMemoryRun(rank: rank, of: size, placements: text)
      for module in order {
        run.begin(module)
        if let tensor = try piece(module, rank) { run.add(tensor, module, "outputs") }
      }
      if let rows { run.tell(rows) }
      return run
    }
    return try RankGroup(path: "group", unordered: runs, placements: nil)
  }

  private func compared(
    _ group: any RunReader, _ whole: InMemoryRun? = nil
  ) throws -> RunComparison {
    try RunComparison.compare(
      actual: group, expected: whole ?? Self.whole(),
      options: ComparisonOptions(tolerance: try Tolerance(rtol: 1e-5, atol: 1e-6)))
  }

  private func result(_ module: String, _ comparison: RunComparison) throws -> TensorResult {
    try #require(
      comparison.steps[0].modules.first { $0.call.module == module }?.tensors.first)
  }

  /// The verdict of a module and part of its reason, while all others match.
  private func expect(
    _ module: String, _ verdict: Verdict, _ parts: [String], in comparison: RunComparison,
    besides: Set<String> = []
  ) throws {
    let found = try result(module, comparison)
    #expect(found.verdict == verdict)
    for part in parts { #expect(found.reason?.contains(part) == true, "\(found.reason ?? "")") }
    #expect(!comparison.isMatch)
    for other in Self.order where other != module && !besides.contains(other) {
      #expect(try result(other, comparison).verdict == .match, "\(other)")
    }
    #expect(comparison.firstDivergence?.call.module == module)
  }

  @Test func allThatIsDeclaredRightMatches() throws {
    let comparison = try compared(Self.group())
    #expect(comparison.isMatch)
    #expect(comparison.summary.tensors.matched == 5)
    let ranks = try #require(comparison.actual.ranks)
    #expect(ranks.count == 2)
    #expect(ranks.sharded == 3)
    #expect(ranks.partial == 1)
    #expect(ranks.replicated == 1)
    #expect(comparison.notes.contains { $0.contains("1 summed over the ranks in float64") })
  }

  // MARK: - Planted bugs of placement

  @Test func partsJoinedRankByRank() throws {
    var rules = Self.rules
    rules["qkv"] = #""tp": {"shard": -1}"#
    try expect(
      "qkv", .placement,
      ["as it is declared it does not match", "do match as tp: {shard: -1, parts: [8, 4, 4]}"],
      in: compared(Self.group(rules: rules)))
  }

  @Test func anAxisOffByOne() throws {
    var rules = Self.rules
    rules["act"] = #""tp": {"shard": 0}"#
    try expect(
      "act", .placement, ["do match as tp: {shard: -1}"], in: compared(Self.group(rules: rules)))
  }

  @Test func aRankSwapped() throws {
    let group = try Self.group { module, rank in
      try Self.piece(module, module == "act" ? 1 - rank : rank)
    }
    try expect(
      "act", .placement, ["as they are declared, with the ranks in the order 1, 0"],
      in: compared(group))
  }

  @Test func aReplicaPerturbed() throws {
    let group = try Self.group { module, rank in
      try module == "out" && rank == 1
        ? Self.tensor(400, Array(0..<5), scale: 1.01) : Self.piece(module, rank)
    }
    try expect(
      "out", .replicas,
      [
        "rank 1 holds another replica than rank 0",
        "that of rank 0 matches, that of rank 1 does not",
      ],
      in: compared(group))
  }

  /// A perturbation that the tolerance would have let pass is none that replicas may have.
  @Test func aReplicaPerturbedByLessThanTheTolerance() throws {
    let group = try Self.group { module, rank in
      try module == "out" && rank == 1
        ? Self.tensor(400, Array(0..<5), scale: 1.000001) : Self.piece(module, rank)
    }
    try expect("out", .replicas, ["alone, that of ranks 0, 1 matches"], in: compared(group))
  }

  @Test func aPaddedRowThatLeaks() throws {
    let group = try Self.group { module, rank in
      guard module == "head", rank == 1 else { return try Self.piece(module, rank) }
      var values = try Self.piece(module, rank).float32Values()
      values[3] = 0.25
      return try Tensor(values, dtype: .float32, shape: Shape([2, 4]))
    }
    try expect("head", .placement, ["the padding holds 0.25 beside 0.0"], in: compared(group))
  }

  @Test func partialSumsNotAdded() throws {
    var rules = Self.rules
    rules["down"] = #""tp": "replicate""#
    try expect(
      "down", .replicas,
      ["the sum over the ranks matches: these are partial sums", "all-reduce"],
      in: compared(Self.group(rules: rules)))
  }

  @Test func aMissingAllReduce() throws {
    let group = try Self.group { module, rank in
      try module == "out"
        ? Self.tensor(400, Array(0..<5), scale: rank == 0 ? 0.25 : 0.75)
        : Self.piece(module, rank)
    }
    try expect(
      "out", .replicas, ["the sum over the ranks matches", "an all-reduce is missing"],
      in: compared(group))
  }

  /// Four ranks, of which neighbours are to share a key head; 0 and 2 do instead.
  @Test func headsReplicatedWrongly() throws {
    let rules = [
      "qkv": """
      "tp": {"shard": -1, "parts": [8, {"name": "k", "width": 4, "replicas": 2}, \
      {"name": "v", "width": 4, "replicas": 2}]}
      """
    ]
    var whole = InMemoryRun(path: "whole")
    whole.add(try Self.tensor(100, Array(0..<16)), "qkv", "outputs")
    func group(_ kvRank: (Int) -> Int) throws -> RankGroup {
      try Self.group(4, rules: rules) { module, rank in
        guard module == "qkv" else { return nil }
        let q = Self.fused(rank, of: 4, kvShares: 2).prefix(2)
        let kv = Self.fused(kvRank(rank), of: 4, kvShares: 2).dropFirst(2)
        return try Self.tensor(100, Array(q) + Array(kv))
      }
    }
    let right = try compared(group { $0 }, whole)
    #expect(try result("qkv", right).verdict == .match)
    let wrong = try compared(group { [0, 2, 1, 3][$0] }, whole)
    let found = try result("qkv", wrong)
    #expect(found.verdict == .replicas)
    #expect(found.reason?.contains("part k: rank 1 holds another replica than rank 0") == true)
  }

  @Test func aWidthThatIsNotThatOfTheRanks() throws {
    var rules = Self.rules
    rules["act"] = #""tp": {"shard": -1, "width": 9}"#
    try expect(
      "act", .placement,
      ["which are 8, and the width is declared as 9", "do match as tp: {shard: -1}"],
      in: compared(Self.group(rules: rules)))
  }

  @Test func shardsDeclaredAsReplicas() throws {
    var rules = Self.rules
    rules["act"] = #""tp": "replicate""#
    try expect(
      "act", .placement, ["another replica", "do match as tp: {shard: -1}"],
      in: compared(Self.group(rules: rules)))
  }

  @Test func replicasDeclaredAsShards() throws {
    var rules = Self.rules
    rules["out"] = #""tp": {"shard": -1}"#
    try expect(
      "out", .placement, ["do match as tp: replicate"], in: compared(Self.group(rules: rules)))
  }

  @Test func aTensorThatOneRankLacks() throws {
    let group = try Self.group { module, rank in
      module == "act" && rank == 1 ? nil : try Self.piece(module, rank)
    }
    try expect("act", .placement, ["rank 1 has no such tensor"], in: compared(group))
  }

  @Test func aPlacementThatNobodyDeclared() throws {
    var rules = Self.rules
    rules["act"] = nil
    try expect(
      "act", .placement, ["no rule of", "declares how it lies on the ranks"],
      in: compared(Self.group(rules: rules)))
  }

  /// What is tried along one axis is what an axis of as many ranks can hold.
  @Test func partsOfOneAxisAreNotTriedAlongAnother() throws {
    let text = """
      {"mesh": [{"dp": 4}, {"tp": 2}], "rules": [
        {"module": "qkv", "dp": "replicate", "tp": {"shard": -1, "parts": [{"widths": [5, 3]}]}},
        {"module": "act", "dp": "replicate", "tp": "replicate"}]}
      """
    let runs = try (0..<8).map { rank in
      var run = try InMemoryRun(rank: rank, of: 8, placements: text)
      run.add(try Self.tensor(200, Array(rank % 2 * 4..<rank % 2 * 4 + 4)), "act", "outputs")
      return run
    }
    var whole = InMemoryRun(path: "whole")
    whole.add(try Self.tensor(200, Array(0..<8)), "act", "outputs")
    let comparison = try compared(
      RankGroup(path: "group", unordered: runs, placements: nil), whole)
    let found = try result("act", comparison)
    #expect(found.verdict == .placement)
    #expect(found.reason?.contains("do match as tp: {shard: -1}") == true, "\(found.reason ?? "")")
  }

  /// Ranks that were swapped once say nothing of the same rule elsewhere, where the model is wrong.
  @Test func aSwapOfOneTensorHidesNoBugOfAnother() throws {
    let runs = try (0..<2).map { rank in
      var run = try InMemoryRun(
        rank: rank, of: 2,
        placements: #"{"mesh": [{"tp": 2}], "rules": [{"module": "act", "tp": {"shard": -1}}]}"#)
      for step in 0..<3 {
        let held = step == 0 ? 1 - rank : rank
        run.add(
          try Self.tensor(
            200 + 100 * step, Array(held * 4..<held * 4 + 4), scale: step == 0 ? 1 : 1.5),
          step: step, "act", "outputs")
      }
      return run
    }
    var whole = InMemoryRun(path: "whole")
    for step in 0..<3 {
      whole.add(try Self.tensor(200 + 100 * step, Array(0..<8)), step: step, "act", "outputs")
    }
    let comparison = try compared(
      RankGroup(path: "group", unordered: runs, placements: nil), whole)
    let verdicts = comparison.steps.flatMap { $0.modules.flatMap(\.tensors) }.map(\.verdict)
    #expect(verdicts.map(\.rawValue) == ["placement", "values", "values"])
  }

  // MARK: - Planted bugs of the model

  /// A model's bug is no placement's: its module is named, with figures.
  @Test(arguments: ["qkv", "act", "down", "out", "head"])
  func aBugOfTheModelIsNamed(module: String) throws {
    let comparison = try compared(
      Self.group(), Self.whole { $0 == module ? 1.001 : 1 })
    let found = try result(module, comparison)
    #expect(found.verdict == .values)
    #expect(found.difference?.mismatchedCount ?? 0 > 0)
    #expect(comparison.firstDivergence?.call.module == module)
    #expect(comparison.summary.tensors.matched == 4)
  }

  /// By rows, too, a placement and a model are told apart.
  @Test func placementsAreTriedByRows() throws {
    let rows = StepRows(layouts: [
      StepRows.Layout(shape: [2], spans: [StepRows.Span(request: 0, position: 0, count: 2)])
    ])
    func compared(_ rules: [String: String], scale: Float = 1) throws -> RunComparison {
      var whole = try Self.whole { $0 == "act" ? scale : 1 }
      whole.tell(rows)
      let group = try Self.group(rules: rules, rows: rows)
      var options = ComparisonOptions(tolerance: try Tolerance(rtol: 1e-5, atol: 1e-6))
      options.alignment = .rows
      return try RunComparison.compare(actual: group, expected: whole, options: options)
    }
    #expect(try compared(Self.rules).isMatch)
    #expect(try result("act", compared(Self.rules, scale: 2)).verdict == .values)
    var rules = Self.rules
    rules["act"] = #""tp": {"shard": 0}"#
    let found = try result("act", compared(rules))
    #expect(found.verdict == .placement)
    #expect(found.reason?.contains("match as tp: {shard: -1}") == true, "\(found.reason ?? "")")
  }

  // MARK: - Around

  @Test func oneRankIsNeverJudgedAsTheWhole() throws {
    let rank = try #require(Self.group().ranks.first)
    #expect(throws: ComparisonError.loneRank(path: "rank0", rank: 0, worldSize: 2)) {
      try compared(rank)
    }
    #expect(throws: ComparisonError.loneRank(path: "rank0", rank: 0, worldSize: 2)) {
      try RunComparison.compare(actual: Self.whole(), expected: rank)
    }
    let same = try RunComparison.compare(actual: rank, expected: rank)
    #expect(same.isMatch)
  }

  @Test func placementsAreProposedFromWhatMatches() throws {
    let bare = try Self.group(rules: ["qkv": #""tp": "replicate""#])
    let suggestion = try PlacementSuggestion(
      actual: bare, expected: Self.whole(), placements: nil,
      options: ComparisonOptions(tolerance: try Tolerance(rtol: 1e-5, atol: 1e-6)))
    guard case .rules(let yaml) = suggestion else {
      Issue.record("\(suggestion)")
      return
    }
    for line in [
      "{module: 'qkv', slot: 'outputs', tp: {shard: -1, parts: [8, 4, 4]}}",
      "{module: 'act', slot: 'outputs', tp: {shard: -1}}",
      "{module: 'down', slot: 'outputs', tp: partial}",
      "{module: 'out', slot: 'outputs', tp: replicate}",
    ] { #expect(yaml.contains(line), "\(yaml)") }
    // Padding is nothing that a match shows.
    #expect(
      yaml.contains("#   head, outputs: [2, 4], [2, 4] on the ranks, [2, 6] in the other run"))
    let placements = try Placements(yaml: yaml, source: "proposed.yml")
    let comparison = try compared(bare.placed(by: placements))
    #expect(comparison.summary.tensors.matched == 4)
  }
}
