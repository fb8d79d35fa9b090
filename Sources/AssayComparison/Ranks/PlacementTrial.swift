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
      guard [.values, .shape, .placement, .replicas, .unreadable].contains(pair.result.verdict),
        pair.pair.sides[side.other] != nil, let key = pair.pair.sides[side]?.record.key,
        let rule = group.rule(of: runs[side].sourceKey(of: key))
      else { continue }
      failing[rule, default: []].append(position)
    }
    for (rule, positions) in failing.sorted(by: { $0.key < $1.key }) {
      let trial = RuleTrial(
        trial: self, side: side, group: group, rule: rule, placements: placements)
      var matches: [String?] = []
      for position in positions.prefix(Self.triesPerRule) {
        let pair = judged[position]
        if pair.result.verdict == .replicas, let found = trial.replicaText(pair.pair) {
          judged[position].result.outcome = .differingReplicas(
            reason: "\(pair.result.reason ?? ""); \(found)")
          matches.append(nil)
          continue
        }
        let match = trial.match(pair.pair)
        matches.append(match)
        guard let match else { continue }
        let isKnown = [.placement, .replicas, .unreadable].contains(pair.result.verdict)
        judged[position].result.outcome = .misplaced(
          pair.result.outcome.form,
          reason: (isKnown
            ? "\(pair.result.reason ?? ""); " : "as it is declared it does not match; ")
            + "the ranks' tensors do match as \(match)")
      }
      // Where it is the rule that is wrong, all that were tried match in the same way.
      guard let match = matches.first ?? nil, matches.allSatisfy({ $0 == match }) else { continue }
      let name = judged[positions[0]].pair.sides[side].map { "\($0.record.key)" } ?? ""
      for other in positions.dropFirst(Self.triesPerRule) {
        judged[other].result.outcome = .misplaced(
          judged[other].result.outcome.form,
          reason: "rule \(rule + 1) of \(placements.source) is wrong for \(name), where the ranks' "
            + "tensors match as \(match)")
      }
    }
  }
}

/// Tries other ways in which the tensors of one rule may lie on the ranks.
private struct RuleTrial {
  let trial: PlacementTrial
  let side: RunSide
  let group: RankGroup
  let rule: Int
  let placements: Placements

  private var declared: [Placement?] { placements.rules[rule].placements }

  /// The first way in which the tensors of a pair match, in words.
  func match(_ pair: TensorPair) -> String? {
    PlacementCandidates(placements).ways(
      of: pieces(of: pair), whole: whole(of: pair), declared: declared
    ).first { matches($0, pair) }?.text(placements.mesh, beside: declared)
  }

  /// What is known of ranks that do not agree: that they are terms of a sum, or which of them match
  /// alone; `nil` where neither is so.
  func replicaText(_ pair: TensorPair) -> String? {
    let mesh = placements.mesh
    for axis in mesh.axes.indices where declared[axis] == .replicate {
      var sum = declared
      sum[axis] = .partial
      if matches(RankArrangement(sum), pair) {
        return "the sum over the ranks matches: these are partial sums, and either an all-reduce "
          + "is missing or the placement is wrong"
      }
    }
    guard declared.allSatisfy({ $0 == nil || $0 == .replicate }), mesh.ranks.count <= 64 else {
      return nil
    }
    let stages = [Placement?](repeating: .stage(indices: nil), count: mesh.axes.count)
    let good = mesh.ranks.indices.filter { matches(RankArrangement(stages, only: $0), pair) }
      .map { mesh.ranks[$0] }.sorted()
    guard !good.isEmpty else { return nil }
    let bad = mesh.ranks.filter { !good.contains($0) }.sorted()
    return "alone, that of \(Self.ranks(good)) matches"
      + (bad.isEmpty ? "" : ", that of \(Self.ranks(bad)) does not")
  }

  private static func ranks(_ ranks: [Int]) -> String {
    let shown = ranks.prefix(8).map(String.init).joined(separator: ", ")
    return "\(ranks.count == 1 ? "rank" : "ranks") \(shown)\(ranks.count > 8 ? ", …" : "")"
  }

  private func pieces(of pair: TensorPair) -> [Tensor?] {
    guard let key = pair.sides[side]?.record.key else { return [] }
    return (try? group.pieces(of: trial.runs[side].sourceKey(of: key))) ?? []
  }

  /// The other run's tensor, where it has the axes that the ranks' tensors have.
  private func whole(of pair: TensorPair) -> Tensor? {
    guard let key = pair.sides[side.other]?.record.key else { return nil }
    return try? trial.runs[side.other].tensor(key)
  }

  private func matches(_ way: RankArrangement, _ pair: TensorPair) -> Bool {
    let run = trial.runs[side].reading(group.trying(way, forRule: rule))
    var readers = BothSides(
      actual: TensorSourceReader(trial.runs.actual, mapping: trial.mapping),
      expected: TensorSourceReader(trial.runs.expected, mapping: trial.mapping))
    readers[side] = TensorSourceReader(run, mapping: trial.mapping)
    return trial.judge.judge(pair) { try readers[$1].read($0, $1) }.verdict == .match
  }
}

extension RunReader {
  /// The group of ranks that it reads.
  var group: RankGroup? { self as? RankGroup ?? (self as? AlignedRun)?.run as? RankGroup }

  /// The same run, read from a group in which something is placed otherwise.
  func reading(_ group: RankGroup) -> any RunReader {
    (self as? AlignedRun)?.cutting(group) ?? group
  }

  /// What the group calls a tensor: of one that is cut by rows, the first that holds rows of it.
  func sourceKey(of key: TensorKey) -> TensorKey {
    (self as? AlignedRun)?.firstPiece(of: key) ?? key
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
