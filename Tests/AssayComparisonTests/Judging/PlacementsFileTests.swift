import AssayComparison
import AssayRuns
import Testing

/// What a placements file says, and where it is wrong.
@Suite struct PlacementsFileTests {
  private func placements(_ yaml: String) throws -> Placements {
    try Placements(yaml: yaml, source: "p.yml")
  }

  private func rule(_ placement: String) throws -> Placement? {
    try placements("mesh: [tp: 2]\nrules: [{module: m, tp: \(placement)}]").rules[0].placements[0]
  }

  @Test func everyKeyIsRead() throws {
    let read = try placements(
      """
      version: 1
      mesh: [pp: 2, tp: 2]
      replicas: {rtol: 1e-3, atol: .5}
      rules:
        - module: 'a'
          slot: [outputs_0, '1']
          tp: {shard: -1, parts: [4, {width: 6, replicas: 2}]}
          pp: stage
        - {module: b, tp: replicate}
      """)
    #expect(read.mesh.axes.map(\.name) == ["pp", "tp"] && read.mesh.axes.map(\.size) == [2, 2])
    #expect(read.replicaBound.rtol == 1e-3 && read.replicaBound.atol == 0.5)
    #expect(
      read.rules.map(\.placements) == [
        [
          .stage(indices: nil),
          .shard(.init(axis: -1, order: .parts([.init(width: 4), .init(width: 6, replicas: 2)]))),
        ], [nil, .replicate],
      ])
    #expect(read.rules[0].slots?.map(\.source) == ["outputs_0", "1"])
  }

  /// Numbers are numbers where they stand without quotes, and there alone.
  @Test func textInQuotesIsNoNumber() throws {
    #expect(try rule("{shard: 0}") == .shard(.init(axis: 0)))
    for text in ["{shard: '0'}", "{shard: 0.5}", "{shard: 0, width: '2'}"] {
      #expect(throws: ComparisonError.self) { try rule(text) }
    }
    #expect(throws: ComparisonError.self) {
      try placements("mesh: [tp: 2]\nreplicas: {rtol: '1e-3'}\nrules: [{module: m, tp: partial}]")
    }
  }

  @Test(
    arguments: [
      ("{module: m, tp: sum}", 2, "tp: expected replicate, partial, stage"),
      ("{tp: partial}", 2, "module is missing"),
      ("{module: m, tp: {shard: 0, !other shard: 1}}", 2, "the key \"shard\" stands there twice"),
      ("{module: m, tp: {[x]: 1}}", 2, "a key is no text"),
    ] as [(String, Int, String)])
  func errorsNameTheRule(rule: String, number: Int, reason: String) {
    let error = #expect(throws: ComparisonError.self) {
      try placements("mesh: [tp: 2]\nrules:\n  - {module: a, tp: partial}\n  - \(rule)\n")
    }
    guard case .invalidRules(let source, let found, let line, let text)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(source == "p.yml" && found == number && line == 4)
    #expect(text.contains(reason), "\(text)")
  }
}
