import AssayBase
package import AssayRuns
import AssayTensors

/// Proposes how the tensors of a group of ranks lie on them, from what matches another run.
///
/// A match is evidence and no proof: a proposal is a file for people to read, correct and keep.
package enum PlacementSuggestion: Sendable, Equatable {
  /// The text of a file for ``Placements/init(contentsOfFile:)``.
  case rules(String)
  /// There is nothing to propose, for a reason that is one sentence.
  case nothing(reason: String)

  /// How many tensors of the same name but for numbers must agree.
  private static let samples = 3

  /// Tries, for the tensors of the first common step, which ways of joining the ranks' tensors match
  /// the other run; tensors whose names differ in numbers alone are taken together.
  ///
  /// - Parameters:
  ///   - placements: Those of which only the mesh counts; `nil` for one axis named tp.
  ///   - options: The tolerance within which they are to match, and the mapping.
  /// - Throws: ``RunError``.
  package init(
    actual: any RunReader, expected: any RunReader, placements: Placements?,
    options: ComparisonOptions
  ) throws {
    let runs = BothSides(actual: actual, expected: expected)
    guard let side = RunSide.allCases.first(where: { runs[$0] is RankGroup }),
      let given = runs[side] as? RankGroup
    else {
      self = .nothing(reason: "neither run is a group of ranks")
      return
    }
    let known = [placements?.mesh, given.placements?.mesh].compactMap { $0 }
    let mesh =
      known.first { $0.ranks.count == given.ranks.count }
      ?? RankMesh(axes: [RankMesh.Axis(name: "tp", size: given.ranks.count)])
    var bare = Placements(mesh: mesh, rules: [], source: "the proposal")
    let exact = try given.placed(by: bare)
    // Where an engine adds in another order on each rank: both may be off, in both directions.
    let rule = options.tolerance.rule(for: .float32)
    bare.replicaBound = (2 * rule.rtol, 2 * rule.atol)
    let search = PlacementSearch(
      runs: runs, side: side, groups: [exact, try given.placed(by: bare)],
      candidates: PlacementCandidates(
        Placements(
          mesh: mesh, rules: mesh == given.placements?.mesh ? given.placements?.rules ?? [] : [],
          source: "")),
      options: options)
    let common = CommonSteps(
      actual: side == .actual ? exact : actual, expected: side == .expected ? exact : expected,
      mapping: options.mapping, devices: options.deviceMap)
    let pairing = RunPairing(
      actual: ComparedRun(actual), expected: ComparedRun(expected), steps: common.steps,
      options: options)
    guard let step = pairing.steps.first(where: { $0.presence == .both }) else {
      self = .nothing(
        reason: "the runs have no step in common, so no two tensors can be held together")
      return
    }
    var groups: [Name: [TensorPair]] = [:]
    var order: [Name] = []
    for call in step.calls {
      for pair in pairing.pairs[call.pairs] {
        guard let key = pair.sides[side]?.record.key else { continue }
        let name = Name(module: Self.pattern(key.module), slot: key.slot.rawValue)
        if groups[name] == nil { order.append(name) }
        groups[name, default: []].append(pair)
      }
    }
    var found: [(module: String, slots: [String], way: RankArrangement)] = []
    var open: [String] = []
    var isExact = true
    for name in order {
      let pairs = groups[name] ?? []
      guard let (way, group) = try search.way(of: Array(pairs.prefix(Self.samples))) else {
        open.append("\(name.module), \(name.slot): \(try search.shapes(of: pairs.first))")
        continue
      }
      isExact = isExact && group == 0
      if let last = found.indices.last(where: { found[$0].module == name.module }),
        found[last].way == way
      {
        found[last].slots.append(name.slot)
      } else {
        found.append((name.module, [name.slot], way))
      }
    }
    guard !found.isEmpty else {
      self = .nothing(
        reason: "no way of joining the ranks' tensors matches the \(side.other.rawValue) run")
      return
    }
    self = .rules(
      Self.yaml(
        mesh, replicas: isExact ? nil : "{rtol: \(2 * rule.rtol), atol: \(2 * rule.atol)}", found,
        open))
  }

  private struct Name: Hashable {
    var module: String
    var slot: String
  }

  /// A pattern for a module's whole name, in which every number may be another.
  private static func pattern(_ module: String) -> String {
    module.split(separator: ".", omittingEmptySubsequences: false).map { part in
      part.allSatisfy(\.isNumber) && !part.isEmpty ? "\\d+" : ModuleRenaming.escaped(String(part))
    }.joined(separator: "\\.")
  }

  private static func yaml(
    _ mesh: RankMesh, replicas: String?,
    _ found: [(module: String, slots: [String], way: RankArrangement)],
    _ open: [String]
  ) -> String {
    func quoted(_ text: String) -> String { "'\(text.replacing("'", with: "''"))'" }
    var lines = [
      "# Proposed: each matches in the first common step. Read it, correct it, and keep it.",
      "version: 1",
      "mesh: [\(mesh.axes.map { "\($0.name): \($0.size)" }.joined(separator: ", "))]",
    ]
    if mesh.ranks != Array(mesh.ranks.indices) { lines.append("ranks: \(mesh.ranks)") }
    if let replicas { lines.append("replicas: \(replicas)") }
    lines.append("rules:")
    for rule in found {
      let slots = rule.slots.map { quoted(ModuleRenaming.escaped($0)) }
      var fields = [
        "module: \(quoted(rule.module))",
        "slot: \(slots.count == 1 ? slots[0] : "[\(slots.joined(separator: ", "))]")",
      ]
      for (axis, placement) in zip(mesh.axes, rule.way.placements) {
        if let placement { fields.append("\(axis.name): \(placement)") }
      }
      lines.append("  - {\(fields.joined(separator: ", "))}")
    }
    if !open.isEmpty {
      lines.append("# Nothing that was tried matches for these:")
      lines += open.map { "#   \($0)" }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

/// Searches for the way in which tensors of ranks match another run's.
private struct PlacementSearch {
  let runs: BothSides<any RunReader>
  let side: RunSide
  /// The group, and the same with a wider bound for replicas.
  let groups: [RankGroup]
  let candidates: PlacementCandidates
  let options: ComparisonOptions

  /// The first way that matches for all pairs, and the group in which it does.
  func way(of pairs: [TensorPair]) throws -> (RankArrangement, Int)? {
    guard let first = pairs.first(where: { $0.sides[side.other] != nil }),
      let key = first.sides[side]?.record.key, let other = first.sides[side.other]?.record.key
    else { return nil }
    let ways = candidates.ways(
      of: try groups[0].pieces(of: key), whole: try? runs[side.other].tensor(other), declared: nil)
    for (position, group) in groups.enumerated() {
      if let way = ways.first(where: { matches($0, pairs, group) }) { return (way, position) }
    }
    return nil
  }

  private func matches(_ way: RankArrangement, _ pairs: [TensorPair], _ group: RankGroup) -> Bool {
    let judge = PairJudge(options: options)
    var readers = BothSides(
      actual: TensorSourceReader(runs.actual, mapping: options.mapping),
      expected: TensorSourceReader(runs.expected, mapping: options.mapping))
    readers[side] = TensorSourceReader(group.trying(way, forRule: nil), mapping: options.mapping)
    return pairs.allSatisfy { pair in
      pair.sides[side.other] == nil
        || judge.judge(pair) { try readers[$1].read($0, $1) }.verdict == .match
    }
  }

  func shapes(of pair: TensorPair?) throws -> String {
    guard let pair, let key = pair.sides[side]?.record.key else { return "" }
    let pieces = try groups[0].pieces(of: key).map { $0.map { "\($0.shape)" } ?? "none" }
    let other = pair.sides[side.other].flatMap { try? runs[side.other].tensor($0.record.key).shape }
    return "\(pieces.joined(separator: ", ")) on the ranks, "
      + (other.map { "\($0) in the other run" } ?? "nothing in the other run")
  }
}
