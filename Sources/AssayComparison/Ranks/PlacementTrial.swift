import AssayRuns
import AssayTensors

/// Tells a wrong placement from a wrong model: tensors that fail are joined in other ways, and where
/// one matches, what failed was how they were joined.
struct PlacementTrial {
  /// How many failing tensors of a rule are tried, which bounds what is read again.
  private static let triesPerRule = 2

  let runs: BothSides<any RunReader>
  let mapping: Mapping?
  let judge: PairJudge

  /// Gives pairs that match otherwise the outcome that says so.
  func settle(_ judged: inout [JudgedPair]) {
    for side in RunSide.allCases {
      guard let group = runs[side].group, let placements = group.placements else { continue }
      settle(&judged, side, group, placements)
    }
  }

  private func settle(
    _ judged: inout [JudgedPair], _ side: RunSide, _ group: RankGroup, _ placements: Placements
  ) {
    var failing: [Int: [Int]] = [:]
    for (position, pair) in judged.enumerated() {
      guard [.values, .shape, .placement, .replicas].contains(pair.result.verdict),
        pair.pair.sides[side.other] != nil, let key = pair.pair.sides[side]?.record.key,
        let rule = group.rule(of: runs[side].sourceKey(of: key))
      else { continue }
      failing[rule, default: []].append(position)
    }
    let candidates = PlacementCandidates(placements)
    for (rule, positions) in failing.sorted(by: { $0.key < $1.key }) {
      let declared = placements.rules[rule].placements
      for position in positions.prefix(Self.triesPerRule) {
        if judged[position].result.verdict == .replicas {
          judged[position].result.outcome = .differingReplicas(
            reason: replicaReason(judged[position], side, group, rule))
          continue
        }
        let ways = candidates.ways(
          of: pieces(of: judged[position].pair, side, group),
          whole: whole(of: judged[position].pair, side), declared: declared)
        let match = ways.first {
          judge($0, judged[position].pair, side, group, rule).verdict == .match
        }
        guard let match else { continue }
        let text = match.text(placements.mesh, beside: declared)
        let name = judged[position].pair.sides[side]?.record.key
        for other in positions where judged[other].result.verdict != .replicas {
          let own = judged[other].result.verdict == .placement
          let reason =
            other == position
            ? "\(own ? (judged[other].result.reason ?? "") + ";" : "as it is declared it does not match;") "
              + "the ranks' tensors do match as \(text)"
            : "its rule, \(rule + 1) of \(placements.source), is wrong for "
              + "\(name.map { "\($0)" } ?? ""), whose ranks' tensors match as \(text)"
          judged[other].result.outcome = .misplaced(
            judged[other].result.outcome.form, reason: reason)
        }
        break
      }
    }
  }

  /// What is known of ranks that do not agree: which of them match alone, or whether they are terms
  /// of a sum.
  private func replicaReason(
    _ judged: JudgedPair, _ side: RunSide, _ group: RankGroup, _ rule: Int
  ) -> String {
    let reason = judged.result.reason ?? ""
    guard let mesh = group.placements?.mesh else { return reason }
    let declared = group.placements?.rules[rule].placements ?? []
    func matches(_ way: RankArrangement) -> Bool {
      judge(way, judged.pair, side, group, rule).verdict == .match
    }
    for axis in mesh.axes.indices where declared[axis] == .replicate {
      var sum = declared
      sum[axis] = .partial
      if matches(RankArrangement(sum)) {
        return reason
          + "; the sum over the ranks matches: these are partial sums, an all-reduce is missing or "
          + "the placement is"
      }
    }
    let isReplicated = declared.allSatisfy { $0 == nil || $0 == .replicate }
    if isReplicated, mesh.ranks.count <= 64 {
      let stages = [Placement?](repeating: .stage(indices: nil), count: mesh.axes.count)
      let good = mesh.ranks.indices.filter { matches(RankArrangement(stages, only: $0)) }
        .map { mesh.ranks[$0] }.sorted()
      let bad = mesh.ranks.filter { !good.contains($0) }.sorted()
      if good.isEmpty { return reason + "; the tensor of no rank matches alone" }
      return reason + "; alone, that of \(Self.ranks(good)) matches"
        + (bad.isEmpty ? "" : ", that of \(Self.ranks(bad)) does not")
    }
    let ways = group.placements.map {
      PlacementCandidates($0).ways(
        of: pieces(of: judged.pair, side, group), whole: whole(of: judged.pair, side),
        declared: declared)
    }
    if let match = ways?.first(where: matches) {
      return reason + "; the ranks' tensors do match as \(match.text(mesh, beside: declared))"
    }
    return reason
  }

  private static func ranks(_ ranks: [Int]) -> String {
    let shown = ranks.prefix(8).map(String.init).joined(separator: ", ")
    return "\(ranks.count == 1 ? "rank" : "ranks") \(shown)\(ranks.count > 8 ? ", …" : "")"
  }

  private func pieces(of pair: TensorPair, _ side: RunSide, _ group: RankGroup) -> [Tensor?] {
    guard let key = pair.sides[side]?.record.key else { return [] }
    return (try? group.pieces(of: runs[side].sourceKey(of: key))) ?? []
  }

  /// The other run's tensor, where it has the axes that the ranks' tensors have.
  private func whole(of pair: TensorPair, _ side: RunSide) -> Tensor? {
    guard let key = pair.sides[side.other]?.record.key else { return nil }
    return try? runs[side.other].tensor(key)
  }

  private func judge(
    _ way: RankArrangement, _ pair: TensorPair, _ side: RunSide, _ group: RankGroup, _ rule: Int?
  ) -> TensorResult {
    let trial = runs[side].reading(group.trying(way, forRule: rule))
    var readers = BothSides(
      actual: TensorSourceReader(runs.actual, mapping: mapping),
      expected: TensorSourceReader(runs.expected, mapping: mapping))
    readers[side] = TensorSourceReader(trial, mapping: mapping)
    return judge.judge(pair) { try readers[$1].read($0, $1) }
  }
}

extension RunReader {
  /// The group of ranks that it reads.
  var group: RankGroup? { self as? RankGroup ?? (self as? AlignedRun)?.run as? RankGroup }

  /// The same run, read from a group in which something is placed otherwise.
  func reading(_ group: RankGroup) -> any RunReader {
    (self as? AlignedRun)?.reading(group) ?? group
  }

  /// What the group calls a tensor: of one that is cut by rows, the first that holds rows of it.
  func sourceKey(of key: TensorKey) -> TensorKey {
    (self as? AlignedRun)?.sourceKey(of: key) ?? key
  }
}

extension RankArrangement {
  /// In words: `tp {shard: -1}`, or an order of ranks.
  func text(_ mesh: RankMesh, beside declared: [Placement?]) -> String {
    if let places {
      return "they are declared, with the ranks in the order "
        + places.map { "\(mesh.ranks[$0])" }.joined(separator: ", ")
    }
    return mesh.axes.indices.compactMap { axis in
      guard let placement = placements[axis], placement != declared[axis] else { return nil }
      return "\(mesh.axes[axis].name): \(placement)"
    }.joined(separator: ", ")
  }
}
