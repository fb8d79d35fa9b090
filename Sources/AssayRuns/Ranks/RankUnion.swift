import AssayBase
import AssayTensors

/// Gathers what the ranks of a group say, step by step, under the names of the whole.
struct RankUnion {
  /// Who holds a tensor.
  struct Holders {
    /// Its position in `devices`.
    var devices: Int
    /// Its rule; `nil` where none covers it.
    var rule: Int?
    /// The module's name on the ranks, where it counts from 0 there.
    var localModule: String?
  }

  /// Where tensors live by the place in the mesh, `nil` at ranks that have none; few are told apart.
  private(set) var devices: [[Device?]] = []
  private(set) var holders: [TensorKey: Holders] = [:]
  private(set) var coverage: [Int]
  private let runs: [any RunReader]
  private let placements: Placements?
  /// By rank, its place in the mesh.
  private let places: [Int]
  /// By run, where a step stands.
  private let stepPositions: [[Int: Int]]
  private var devicePositions: [[Device?]: Int] = [:]
  private var rules: [ExactName: [Int]] = [:]
  private var globalNames: [ExactName: [String?]] = [:]

  init(runs: [any RunReader], placements: Placements?) {
    self.runs = runs
    self.placements = placements
    stepPositions = runs.map { run in
      Dictionary(
        run.steps.enumerated().map { ($1.index, $0) }, uniquingKeysWith: { first, _ in first })
    }
    var places = Array(runs.indices)
    for (place, rank) in (placements?.mesh.ranks ?? []).enumerated() { places[rank] = place }
    self.places = places
    coverage = [Int](repeating: 0, count: (placements?.rules.count ?? 0) + 1)
  }

  /// A tensor as the ranks have it.
  private struct Gathered {
    var key: TensorKey
    var devices: [Device?]
    var contents: [(rank: Int, content: TensorRecord.Content)]
  }

  /// A call as the ranks have it.
  private struct GatheredCall {
    var record: CallRecord
    var localModule: String?
    var tensors: [Gathered] = []
    var positions: [Slot: Int] = [:]
  }

  /// A step that all runs have, with the calls of all ranks.
  mutating func step(_ number: Int) -> StepRecord {
    let steps = zip(runs, stepPositions).map { run, positions in
      positions[number].map { run.steps[$0] } ?? StepRecord(index: number, calls: [])
    }
    var calls: [GatheredCall] = []
    var positions: [CallKey: Int] = [:]
    var preForward: [[Int]] = []
    var completion: [[Int]] = []
    for (rank, step) in steps.enumerated() {
      var own: [Int] = []
      for call in step.calls {
        var name = call.call
        let module = globalName(of: name.module, atPlace: places[rank])
        let isLocal = !module.isSame(as: name.module)
        let local = name.module
        name.module = module
        let at = positions[name] ?? calls.count
        if at == calls.count {
          positions[name] = at
          calls.append(
            GatheredCall(
              record: CallRecord(
                call: name, descriptions: call.descriptions, inputCoverage: call.inputCoverage),
              localModule: isLocal ? local : nil))
        }
        own.append(at)
        for tensor in call.tensors { gather(tensor, of: rank, into: &calls[at]) }
      }
      preForward.append(own)
      completion.append(step.completionOrder.map { own[$0] })
    }
    let order = Self.merged(preForward)
    var newPositions = [Int](repeating: 0, count: calls.count)
    for (new, old) in order.enumerated() { newPositions[old] = new }
    let records = order.map { record(of: calls[$0]) }
    return StepRecord(
      index: number, calls: records,
      completionOrder: Self.merged(completion).map { newPositions[$0] },
      isOrderRecorded: steps.allSatisfy(\.isOrderRecorded),
      rows: steps.allSatisfy { $0.rows == steps[0].rows } ? steps[0].rows : nil)
  }

  private func gather(_ tensor: TensorRecord, of rank: Int, into call: inout GatheredCall) {
    let slot = tensor.key.slot
    let at = call.positions[slot] ?? call.tensors.count
    if at == call.tensors.count {
      call.positions[slot] = at
      var key = tensor.key
      key.call = call.record.call
      call.tensors.append(
        Gathered(key: key, devices: [Device?](repeating: nil, count: runs.count), contents: []))
    }
    call.tensors[at].devices[places[rank]] = tensor.key.device
    call.tensors[at].contents.append((rank, tensor.content))
  }

  private mutating func record(of call: GatheredCall) -> CallRecord {
    var record = call.record
    for tensor in call.tensors {
      let rule = rule(of: tensor.key)
      coverage[rule ?? coverage.count - 1] += 1
      let position = devicePositions[tensor.devices] ?? devices.count
      if position == devices.count {
        devicePositions[tensor.devices] = position
        devices.append(tensor.devices)
      }
      holders[tensor.key] = Holders(
        devices: position, rule: rule, localModule: call.localModule)
      record.tensors.append(
        TensorRecord(key: tensor.key, content: content(of: tensor, rule: rule)))
    }
    return record
  }

  /// What the group holds of a tensor: elements where all of its ranks do.
  private func content(of tensor: Gathered, rule: Int?) -> TensorRecord.Content {
    let contents = tensor.contents
    for (rank, content) in contents {
      if case .notRecorded(let reason) = content {
        return .notRecorded(reason: "rank \(rank): \(reason)")
      }
    }
    var notes: [(rank: Int, note: SkippedTensor)] = []
    for (rank, content) in contents {
      if case .skipped(let note) = content { notes.append((rank, note)) }
    }
    guard let first = notes.first else { return .stored }
    guard notes.count == contents.count else {
      return .notRecorded(reason: "rank \(first.rank) skipped it: \(first.note.reason)")
    }
    let declared = rule.flatMap { placements?.rules[$0].placements } ?? []
    let isWhole = declared.allSatisfy { placement in
      switch placement {
      case .replicate, .stage: true
      case nil, .partial, .shard: false
      }
    }
    guard isWhole, !declared.isEmpty else {
      return .notRecorded(
        reason: first.note.digest == nil
          ? "the ranks skipped their parts of it: \(first.note.reason)"
          : "the ranks kept digests of their parts of it, which make no digest of the whole")
    }
    if let other = notes.first(where: { $0.note.digest?.sha256 != first.note.digest?.sha256 }) {
      return .notRecorded(
        reason: "its replicas differ: rank \(other.rank) has another digest than rank "
          + "\(first.rank)")
    }
    return .skipped(first.note)
  }

  private mutating func rule(of key: TensorKey) -> Int? {
    guard let placements else { return nil }
    let name = ExactName(key.module)
    let candidates =
      rules[name]
      ?? placements.rules.indices.filter {
        placements.rules[$0].module.groups(in: key.module) != nil
      }
    rules[name] = candidates
    return candidates.first { placements.rules[$0].covers(key.slot) }
  }

  /// The name within the whole model of a module that counts from 0 on its rank.
  private mutating func globalName(of module: String, atPlace place: Int) -> String {
    guard let placements else { return module }
    let name = ExactName(module)
    if globalNames[name] == nil {
      globalNames[name] = [String?](repeating: nil, count: runs.count)
    }
    if let known = globalNames[name]?[place] { return known }
    var found = module
    for rule in placements.rules {
      for (axis, placement) in rule.placements.enumerated() {
        guard case .stage(let indices?) = placement else { continue }
        let coordinate = placements.mesh.coordinate(ofPlace: place, along: axis)
        guard
          let renamed = rule.module.replacing(
            in: module,
            { local in
              Int(local).flatMap {
                indices[coordinate].indices.contains($0) ? "\(indices[coordinate][$0])" : nil
              }
            })
        else { continue }
        found = renamed
      }
      if !found.isSame(as: module) { break }
    }
    globalNames[name]?[place] = found
    return found
  }

  /// One order of all items that those of the ranks do not contradict, where there is one: what a
  /// rank has alone stands before the next item that it has in common with those before it.
  static func merged(_ orders: [[Int]]) -> [Int] {
    var base = orders.first ?? []
    var known = Set(base)
    for order in orders.dropFirst() {
      var before: [Int: [Int]] = [:]
      var pending: [Int] = []
      for item in order {
        if known.contains(item) {
          if !pending.isEmpty { before[item] = pending }
          pending = []
        } else {
          pending.append(item)
        }
      }
      known.formUnion(order)
      guard !before.isEmpty || !pending.isEmpty else { continue }
      base = base.flatMap { (before[$0] ?? []) + [$0] } + pending
    }
    return base
  }
}
