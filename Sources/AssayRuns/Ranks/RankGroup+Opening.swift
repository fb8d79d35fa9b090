import AssayBase

extension RunManifest {
  /// Whether it is one rank's of several, whose tensors may be parts of whole ones.
  package var isOfGroup: Bool {
    provenance?.placements != nil && (provenance?.worldSize ?? 1) > 1
  }
}

extension RankGroup {
  /// Makes a group of runs that say which ranks' they are.
  ///
  /// - Parameters:
  ///   - runs: At least one, in any order; each has a rank.
  ///   - placements: What is taken instead of what the ranks say, if its mesh has as many ranks.
  /// - Throws: ``RunError/unusableGroup(path:reason:)`` where a rank is missing, there twice or the
  ///   only one that is not finished; ``RunError/invalidPlacements(source:rule:reason:)``.
  package convenience init(
    path: String, unordered runs: [any RunReader], placements: Placements?
  ) throws(RunError) {
    func failure(_ reason: String) -> RunError { .unusableGroup(path: path, reason: reason) }
    let size = runs[0].manifest.provenance?.worldSize ?? runs.count
    var byRank: [Int: any RunReader] = [:]
    for run in runs {
      let provenance = run.manifest.provenance
      guard let rank = provenance?.rank, let worldSize = provenance?.worldSize,
        worldSize == size, (0..<size).contains(rank)
      else {
        throw failure(
          "\(run.path) is rank \(provenance?.rank.map(String.init) ?? "?") of "
            + "\(provenance?.worldSize.map(String.init) ?? "?"), and \(runs[0].path) is of \(size)")
      }
      if let other = byRank[rank] {
        throw failure("rank \(rank) is there twice: \(other.path) and \(run.path)")
      }
      // A server that was stopped leaves all ranks so, and then the steps that all have.
      guard run.manifest.isComplete || !runs.contains(where: \.manifest.isComplete) else {
        throw failure(
          "rank \(rank) was not recorded to its end, and others were: \(run.path); record all ranks "
            + "again")
      }
      byRank[rank] = run
    }
    // All ranks are within `0..<size` and none is there twice: what is told of may be any size.
    let missingCount = size - byRank.count
    guard missingCount == 0 else {
      let shown = (0..<size).lazy.filter { byRank[$0] == nil }.prefix(8).map(String.init)
      throw failure(
        "of \(size) ranks \(missingCount) \(missingCount == 1 ? "is" : "are") missing: rank "
          + shown.joined(separator: ", ") + (missingCount > 8 ? ", …" : "")
          + (runs.count == 1 ? "; to look at this rank alone, name \(runs[0].path)" : ""))
    }
    let ordered = (0..<size).compactMap { byRank[$0] }
    let known: Placements?
    if let placements, placements.mesh.ranks.count == size {
      known = placements
    } else {
      known = try Self.declared(by: ordered)
    }
    if let known, known.mesh.ranks.count != size {
      throw .invalidPlacements(
        source: known.source, rule: nil,
        reason: "mesh: \(known.mesh.text) is \(known.mesh.ranks.count) ranks, and \(path) has "
          + "\(size)")
    }
    try self.init(path: path, runs: ordered, placements: known)
  }

  /// What the ranks say of their placements: the same, or rules for modules that others lack.
  private static func declared(by runs: [any RunReader]) throws(RunError) -> Placements? {
    let texts = runs.map { $0.manifest.provenance?.placements }
    guard let first = texts[0] ?? texts.compactMap({ $0 }).first else { return nil }
    let source = "the placements that \(runs[0].path) was recorded with"
    if texts.allSatisfy({ $0 == first }) { return try Placements(json: first, source: source) }
    var rules: [JSONValue] = []
    var known: [JSONValue: JSONValue] = [:]
    for (rank, text) in texts.enumerated() {
      func failure(_ reason: String) -> RunError {
        .invalidPlacements(
          source: "the placements that \(runs[rank].path) was recorded with", rule: nil,
          reason: reason)
      }
      guard let members = text?.members else { throw failure("they are missing") }
      for key in Placements.keys where members[key] != first.members?[key] {
        throw failure("\(key) is another than rank 0's")
      }
      for rule in members["rules"]?.items ?? [] {
        let name = JSONValue.array([
          rule.members?["module"] ?? .null, rule.members?["slot"] ?? .null,
        ])
        if let other = known[name] {
          guard other == rule else {
            throw failure(
              "the rule for \(rule.members?["module"]?.text ?? "?") is another than that of a rank "
                + "before it")
          }
          continue
        }
        known[name] = rule
        rules.append(rule)
      }
    }
    var merged = first.members ?? [:]
    merged["rules"] = .array(rules)
    return try Placements(json: .object(merged), source: source)
  }
}
