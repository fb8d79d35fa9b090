import AssayBase
package import AssayTensors
import Foundation

/// The runs of the ranks of one distributed run, read as one run of whole tensors.
///
/// No tensor is joined before it is asked for, and then no other.
package final class RankGroup: RunReader {
  /// Where the runs of the ranks are: their directory, or a pattern of their names.
  package let path: String
  /// What the run of rank 0 says about itself, without its rank.
  package let manifest: RunManifest
  /// The steps, with the calls of all ranks.
  package let steps: [StepRecord]
  /// The ranks' own runs, by rank.
  package let ranks: [any RunReader]
  /// How their tensors make whole ones; `nil` where nothing says so.
  package let placements: Placements?
  /// Of how many tensors each rule decides, in its order; then those without a rule.
  package let coverage: [Int]
  let holders: [TensorKey: RankUnion.Holders]
  private let devices: [[Device?]]
  /// Another placement that is tried for the tensors of a rule.
  private let attempt: Attempt?

  private struct Attempt {
    var rule: Int?
    var way: RankArrangement
  }

  /// Reads what all ranks say, and none of their tensors.
  ///
  /// - Parameters:
  ///   - runs: The runs of all ranks, by rank.
  ///   - placements: How their tensors make whole ones; `nil` where nothing says so.
  /// - Throws: ``RunError/unusableGroup(path:reason:)``,
  ///   ``RunError/invalidPlacements(source:rule:reason:)``.
  init(path: String, runs: [any RunReader], placements: Placements?) throws(RunError) {
    self.path = path
    ranks = runs
    self.placements = placements
    attempt = nil
    var manifest = runs[0].manifest
    manifest.id = RankGroup.commonID(manifest.id)
    manifest.provenance?.rank = nil
    manifest.provenance?.worldSize = nil
    manifest.provenance?.placements = nil
    self.manifest = manifest
    var union = RankUnion(runs: runs, placements: placements)
    let numbers = runs.map { $0.steps.map(\.index) }
    if manifest.isComplete, let other = numbers.firstIndex(where: { $0 != numbers[0] }) {
      throw .unusableGroup(
        path: path,
        reason: "rank \(other) has \(numbers[other].count) steps (\(runs[other].path)), and rank 0 "
          + "\(numbers[0].count), or others: the ranks' recordings do not belong together")
    }
    let common = numbers.dropFirst().reduce(Set(numbers[0])) { $0.intersection($1) }
    steps = common.sorted().map { union.step($0) }
    for (number, rule) in (placements?.rules ?? []).enumerated() {
      guard let pattern = rule.unfinished else { continue }
      throw .invalidPlacements(source: path, rule: number + 1, reason: pattern.description)
    }
    devices = union.devices
    coverage = union.coverage
    holders = union.holders
  }

  private init(_ group: RankGroup, _ attempt: Attempt) {
    path = group.path
    manifest = group.manifest
    steps = group.steps
    ranks = group.ranks
    placements = group.placements
    coverage = group.coverage
    holders = group.holders
    devices = group.devices
    self.attempt = attempt
  }

  /// What a run's id is without the rank: `vllm-1-rank0` is `vllm-1`.
  static func commonID(_ id: String) -> String {
    guard let range = id.range(of: #"-rank[0-9]+$"#, options: .regularExpression) else { return id }
    return String(id[..<range.lowerBound])
  }

  /// Reads a tensor from all ranks that hold it, and makes the whole one.
  ///
  /// - Throws: ``RunError/unreadableTensor(_:path:reason:)``, ``RunError/misplacedTensor(_:reason:)``
  ///   or ``RunError/differingReplicas(_:reason:)``.
  package func tensor(_ key: TensorKey) throws -> Tensor {
    guard let holders = holders[key] else {
      throw RunError.unreadableTensor(key, path: path, reason: "the group does not hold it")
    }
    guard let placements else {
      throw RunError.misplacedTensor(
        key,
        reason: "nothing says how the tensors of \(ranks.count) ranks make the whole one: give "
          + "--placements FILE, or have it proposed by --suggest-placements")
    }
    let way: RankArrangement
    if let attempt, attempt.rule == holders.rule {
      way = attempt.way
    } else if let rule = holders.rule {
      if let refusal = placements.rules[rule].refusal {
        throw RunError.misplacedTensor(key, reason: refusal)
      }
      way = RankArrangement(placements.rules[rule].placements)
    } else {
      throw RunError.misplacedTensor(
        key, reason: "no rule of \(placements.source) declares how it lies on the ranks")
    }
    let reading = WholeReading(
      mesh: placements.mesh, bound: placements.replicaBound, way: way,
      places: way.places ?? Array(ranks.indices))
    do {
      guard
        let whole = try reading.whole(
          axis: 0, place: 0,
          { place in
            if let only = way.only, only != place { return nil }
            return try localTensor(of: key, atPlace: place).map {
              RankedTensor(rank: $0.rank, tensor: $0.tensor)
            }
          })
      else { throw PlacementFault(reason: "no rank holds it") }
      return whole.tensor.on(key.device)
    } catch let fault as PlacementFault {
      switch fault.kind {
      case .placement: throw RunError.misplacedTensor(key, reason: fault.reason)
      case .replicas: throw RunError.differingReplicas(key, reason: fault.reason)
      }
    } catch RunError.unreadableTensor(_, let path, let reason) {
      throw RunError.unreadableTensor(key, path: path, reason: reason)
    }
  }

  /// How many bytes the ranks together hold of a tensor.
  package func byteCount(of key: TensorKey) -> Int? {
    guard let holders = holders[key] else { return nil }
    var sum = 0
    for place in ranks.indices {
      guard let (rank, local) = source(of: key, holders, atPlace: place) else { continue }
      guard let count = ranks[rank].byteCount(of: local) else { return nil }
      sum += count
    }
    return sum
  }

  /// Which rank stands at a place of the mesh, and what it calls a tensor; `nil` where it has none.
  private func source(
    of key: TensorKey, _ holders: RankUnion.Holders, atPlace place: Int
  ) -> (rank: Int, key: TensorKey)? {
    guard let device = devices[holders.devices][place] else { return nil }
    var local = key
    local.device = device
    if let module = holders.localModule { local.call.module = module }
    return (placements?.mesh.ranks[place] ?? place, local)
  }

  /// What the rank at a place of the mesh holds of a tensor, and under which name.
  func localTensor(
    of key: TensorKey, atPlace place: Int
  ) throws -> (rank: Int, key: TensorKey, tensor: Tensor)? {
    guard let holders = holders[key], let (rank, local) = source(of: key, holders, atPlace: place)
    else { return nil }
    return (rank, local, try ranks[rank].tensor(local))
  }

  /// What the ranks hold of a tensor, by their places in the mesh.
  package func pieces(of key: TensorKey) throws -> [Tensor?] {
    try ranks.indices.map { try localTensor(of: key, atPlace: $0)?.tensor }
  }

  /// The rule that decides about a tensor, from 0.
  package func rule(of key: TensorKey) -> Int? { holders[key]?.rule }

  /// The same group, in which the tensors of a rule lie otherwise.
  ///
  /// - Parameter rule: The rule, from 0; `nil` for the tensors that no rule covers.
  package func trying(_ way: RankArrangement, forRule rule: Int?) -> RankGroup {
    RankGroup(self, Attempt(rule: rule, way: way))
  }

  /// The same group under other placements, or under a mesh for which there are no rules yet.
  package func placed(by placements: Placements) throws(RunError) -> RankGroup {
    try RankGroup(path: path, runs: ranks, placements: placements)
  }
}

/// How the ranks' tensors are taken for a whole one.
package struct RankArrangement: Hashable, Sendable {
  /// By the axes of the mesh.
  package var placements: [Placement?]
  /// In which order the places of the mesh are taken; `nil` for their own.
  package var places: [Int]?
  /// The only place whose tensor is taken.
  package var only: Int?

  package init(_ placements: [Placement?], places: [Int]? = nil, only: Int? = nil) {
    self.placements = placements
    self.places = places
    self.only = only
  }
}

/// Joins the tensors of a group axis by axis, the fastest axis of the mesh first.
private struct WholeReading {
  var mesh: RankMesh
  var bound: (rtol: Double, atol: Double)
  var way: RankArrangement
  /// In which order the places of the mesh are taken.
  var places: [Int]

  /// - Parameters:
  ///   - axis: The axis of the mesh along which tensors are joined, after those that are faster.
  ///   - place: The first place of the mesh at the coordinates of the slower axes.
  func whole(
    axis: Int, place: Int, _ read: (Int) throws -> RankedTensor?
  ) throws -> RankedTensor? {
    guard axis < mesh.axes.count else { return try read(places[place]) }
    let (name, size) = (mesh.axes[axis].name, mesh.axes[axis].size)
    let span = mesh.axes[(axis + 1)...].reduce(1) { $0 * $1.size }
    var held: [RankedTensor?] = []
    for coordinate in 0..<size {
      held.append(try whole(axis: axis + 1, place: place + coordinate * span, read))
    }
    guard let placement = way.placements[axis] else {
      if size == 1 { return held[0] }
      throw PlacementFault(
        reason: "its rule does not declare how it lies along \(name), an axis of \(size) ranks")
    }
    let ranks = (0..<size).map { mesh.ranks[places[place + $0 * span]] }
    return try placement.joined(held, ranks: ranks, axis: name, bound: bound)
  }
}
