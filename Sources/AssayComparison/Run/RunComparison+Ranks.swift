import AssayBase
import AssayRuns

extension RunComparison {
  /// What to say of groups of ranks, in sentences without a full stop.
  var rankNotes: [String] {
    RunSide.allCases.compactMap { side in
      guard let ranks = (side == .actual ? actual : expected).ranks else { return nil }
      let parts = [
        (ranks.replicated, "on every rank, where they are to be \(ranks.bound)"),
        (ranks.sharded, "joined of the ranks' parts"),
        (ranks.partial, "summed over the ranks in float64"), (ranks.staged, "on one rank"),
        (ranks.undeclared, "without a declared placement"),
      ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
      return "the \(side.rawValue) run is of \(ranks.count) ranks"
        + (ranks.mesh.isEmpty ? "" : " (\(ranks.meshText)), by \(ranks.source)")
        + ": of its tensors " + parts.joined(separator: ", ")
    }
  }

  /// A rank's tensors are parts, which only the same rank's may be held against.
  static func refuseLoneRank(
    _ manifest: RunManifest, beside other: RunManifest, path: String
  ) throws(ComparisonError) {
    guard manifest.isOfGroup, let own = manifest.provenance, let rank = own.rank,
      let worldSize = own.worldSize,
      other.provenance?.rank != rank || other.provenance?.worldSize != worldSize
        || other.provenance?.placements?.members?["mesh"] != own.placements?.members?["mesh"]
    else { return }
    throw .loneRank(path: path, rank: rank, worldSize: worldSize)
  }
}
