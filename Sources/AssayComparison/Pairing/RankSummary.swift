package import AssayRuns

/// Of which ranks a run is, and how their tensors made whole ones.
package struct RankSummary: Sendable, Equatable {
  /// How many ranks there are.
  package var count: Int
  /// The axes of the mesh with their sizes, the slowest first; empty where no placements are known.
  package var mesh: [RankMesh.Axis]
  /// Where the placements come from.
  package var source: String
  /// How many tensors every rank holds whole.
  package var replicated = 0
  /// How many are joined of parts.
  package var sharded = 0
  /// How many are sums over ranks, made in float64.
  package var partial = 0
  /// How many are on one rank of several.
  package var staged = 0
  /// Of how many nothing says how they are placed.
  package var undeclared = 0
  /// Within what replicas were to agree.
  package var bound: String

  init(_ group: RankGroup) {
    count = group.ranks.count
    mesh = group.placements?.mesh.axes ?? []
    source = group.placements?.source ?? "nothing"
    let (rtol, atol) = group.placements?.replicaBound ?? (0, 0)
    bound = rtol == 0 && atol == 0 ? "equal" : "within rtol \(rtol), atol \(atol)"
    for (rule, tensors) in group.coverage.enumerated() {
      guard let rules = group.placements?.rules, rules.indices.contains(rule),
        rules[rule].refusal == nil
      else {
        undeclared += tensors
        continue
      }
      let kinds = rules[rule].placements.compactMap { $0 }
      if kinds.contains(.partial) {
        partial += tensors
      } else if kinds.contains(where: { if case .shard = $0 { true } else { false } }) {
        sharded += tensors
      } else if kinds.contains(where: { if case .stage = $0 { true } else { false } }) {
        staged += tensors
      } else {
        replicated += tensors
      }
    }
  }

  /// The axes, such as `tp 2`.
  package var meshText: String { RankMesh(axes: mesh, ranks: []).text }
}
