package import AssayBase
import AssayTensors

extension Placements {
  /// The keys beside `rules`.
  package static let keys = ["mesh", "ranks", "replicas"]
  private static let rankLimit = 1 << 16

  /// Reads what a rank says of its group, or a whole placements file.
  ///
  /// - Parameters:
  ///   - json: `{"mesh": [{"tp": 2}], "rules": [{"module": "…", "slot": "…", "tp": "replicate"}]}`.
  ///   - source: What errors call it.
  /// - Throws: ``RunError/invalidPlacements(source:rule:reason:)``.
  package init(json: JSONValue, source: String) throws(RunError) {
    let reader = PlacementReader(source: source)
    try self.init(head: json, source: source, otherKeys: ["version", "schema", "rules"])
    for (position, rule) in try reader.list(json.members?["rules"], "rules").enumerated() {
      rules.append(try PlacementRule(json: rule, number: position + 1, mesh: mesh, source: source))
    }
  }

  /// Reads all but the rules.
  package init(head json: JSONValue, source: String, otherKeys: [String] = []) throws(RunError) {
    let reader = PlacementReader(source: source)
    guard let members = json.members else {
      throw reader.failure("expected keys and values: mesh, rules")
    }
    try reader.check(members, Self.keys + otherKeys)
    var axes: [RankMesh.Axis] = []
    var size = 1
    for item in try reader.list(members["mesh"], "mesh") {
      guard let axis = item.members, axis.count == 1,
        let (name, extent) = axis.first(where: { _ in true }),
        let count = extent.int, count > 0, !name.isEmpty
      else {
        throw reader.failure(
          "mesh: expected a list of axes with their sizes, the slowest first, as in [pp: 2, tp: 4]")
      }
      guard !PlacementRule.keys.contains(name), !axes.contains(where: { $0.name.isSame(as: name) })
      else {
        throw reader.failure("mesh: \"\(name)\" is no name of an axis, or stands there twice")
      }
      let (product, overflow) = size.multipliedReportingOverflow(by: count)
      guard !overflow, product <= Self.rankLimit else {
        throw reader.failure("mesh: more than \(Self.rankLimit) ranks")
      }
      size = product
      axes.append(RankMesh.Axis(name: name, size: count))
    }
    var ranks: [Int]?
    if let given = members["ranks"] {
      ranks = try reader.list(given, "ranks").map(\.int).compactMap { $0 }
      guard ranks?.sorted() == Array(0..<size) else {
        throw reader.failure("ranks: expected each rank from 0 to \(size - 1) once")
      }
    }
    self.init(mesh: RankMesh(axes: axes, ranks: ranks), rules: [], source: source)
    if let bound = members["replicas"] {
      guard let fields = bound.members else {
        throw reader.failure("replicas: expected {rtol: …, atol: …}")
      }
      try reader.check(fields, ["rtol", "atol"])
      func number(_ key: String) throws(RunError) -> Double {
        guard let value = fields[key] else { return 0 }
        guard let number = try? Double(json: value), number >= 0, number.isFinite else {
          throw reader.failure("replicas: \(key) is no number of at least 0")
        }
        return number
      }
      replicaBound = (try number("rtol"), try number("atol"))
    }
  }
}

extension PlacementRule {
  /// The keys beside the axes of the mesh.
  package static let keys = ["module", "slot"]

  /// Reads one rule.
  ///
  /// - Parameter number: Which rule it is, from 1.
  /// - Throws: ``RunError/invalidPlacements(source:rule:reason:)``.
  package init(json: JSONValue, number: Int, mesh: RankMesh, source: String) throws(RunError) {
    let reader = PlacementReader(source: source, rule: number)
    let names = mesh.axes.map(\.name)
    guard let members = json.members else {
      throw reader.failure("expected module, slot, and \(names.joined(separator: ", "))")
    }
    try reader.check(members, Self.keys + names)
    guard let pattern = members["module"] else { throw reader.failure("module is missing") }
    module = try reader.pattern(pattern, "module")
    if let slot = members["slot"] {
      var patterns: [ModuleRenaming] = []
      for item in slot.items ?? [slot] { patterns.append(try reader.pattern(item, "slot")) }
      guard !patterns.isEmpty else { throw reader.failure("slot: the list is empty") }
      slots = patterns
    }
    placements = []
    for axis in mesh.axes {
      guard let value = members[axis.name] else {
        placements.append(nil)
        continue
      }
      let placement = try reader.placement(value, axis)
      if case .stage(_?) = placement, module.groupCount != 1 {
        throw reader.failure(
          "\(axis.name): where modules are numbered on each rank, module has one group, for the "
            + "number, as in experts\\.(\\d+)\\.w1; \(module.source) has \(module.groupCount)")
      }
      placements.append(placement)
    }
  }
}

/// Reads values of a placements file.
private struct PlacementReader {
  var source: String
  var rule: Int?
  /// More entries than an axis has that is told entry by entry.
  private static let entryLimit = 1 << 20
  /// More entries than an axis has: as many widths as a text holds still have a sum.
  private static let widthLimit = 1 << 40

  func failure(_ reason: String) -> RunError {
    .invalidPlacements(source: source, rule: rule, reason: reason)
  }

  init(source: String, rule: Int? = nil) {
    self.source = source
    self.rule = rule
  }

  func check(_ members: NameMap<JSONValue>, _ valid: [String]) throws(RunError) {
    let unknown = members.map(\.key).filter { key in !valid.contains { $0.isSame(as: key) } }
    guard let key = unknown.min() else { return }
    throw failure("unknown key \"\(key)\"; the keys are \(valid.joined(separator: ", "))")
  }

  func list(_ value: JSONValue?, _ name: String) throws(RunError) -> [JSONValue] {
    guard let value else { throw failure("\(name) is missing") }
    guard let items = value.items, !items.isEmpty else {
      throw failure("\(name): expected a list of at least one")
    }
    return items
  }

  func pattern(_ value: JSONValue, _ name: String) throws(RunError) -> ModuleRenaming {
    guard let text = value.text, !text.isEmpty else {
      throw failure("\(name): expected a pattern; write .* to match everything")
    }
    do {
      return try ModuleRenaming(text)
    } catch {
      throw failure("\(name): \(error)")
    }
  }

  func placement(_ value: JSONValue, _ axis: RankMesh.Axis) throws(RunError) -> Placement {
    switch value {
    case .string("replicate"): return .replicate
    case .string("partial"): return .partial
    case .string("stage"): return .stage(indices: nil)
    case .object(let members):
      if members["stage"] != nil {
        try check(members, ["stage"])
        return .stage(indices: try indices(members["stage"], "stage", axis))
      }
      if members["shard"] != nil { return .shard(try shard(members, axis)) }
    default: break
    }
    throw failure(
      "\(axis.name): expected replicate, partial, stage, {shard: axis, …} or {stage: [[…], …]}")
  }

  private func shard(
    _ members: NameMap<JSONValue>, _ axis: RankMesh.Axis
  ) throws(RunError) -> Placement.Shard {
    try check(
      members,
      ["shard", "width", "widths", "parts", "replicas", "padding", "order", "indices"])
    guard let tensorAxis = members["shard"]?.int, (-64..<64).contains(tensorAxis) else {
      throw failure("\(axis.name): shard is no axis of a tensor")
    }
    let ways = ["widths", "parts", "order", "indices"].filter { members[$0] != nil }
    guard ways.count <= 1 else {
      throw failure("\(axis.name): \(ways.joined(separator: " and ")) exclude each other")
    }
    let width = try natural(members, "width", axis)
    var shard = Placement.Shard(axis: tensorAxis)
    shard.padding = try natural(members, "padding", axis) ?? 0
    shard.replicas = try replicas(members, axis)
    if width != nil, let way = ways.first, way != "order" {
      throw failure("\(axis.name): \(way) tell the width already")
    }
    switch ways.first {
    case "widths":
      shard.order = .widths(try widths(members["widths"], axis, replicas: shard.replicas))
    case "parts":
      var parts: [Placement.Part] = []
      for item in try list(members["parts"], "\(axis.name): parts") {
        parts.append(try part(item, axis))
      }
      guard shard.replicas == 1 else {
        throw failure("\(axis.name): parts have replicas of their own")
      }
      shard.order = .parts(parts)
    case "order":
      guard members["order"] == .string("zigzag") else {
        throw failure("\(axis.name): the only order is zigzag")
      }
      shard.order = .zigzag(width: width)
    case "indices":
      let entries = try indices(
        members["indices"], "indices", axis, count: axis.size / shard.replicas)
      shard.order = .indices(entries)
    default: shard.order = .ranks(width: width)
    }
    if shard.padding > 0, case .parts = shard.order {
      throw failure("\(axis.name): padding goes with one part only")
    }
    return shard
  }

  private func part(
    _ value: JSONValue, _ axis: RankMesh.Axis
  ) throws(RunError) -> Placement.Part {
    if let width = value.int, (1..<Self.widthLimit).contains(width) {
      let part = Placement.Part(width: width)
      try checkShares(part, axis)
      return part
    }
    guard let members = value.members else {
      throw failure("\(axis.name): a part is a width, or has name, width or widths, replicas")
    }
    try check(members, ["name", "width", "widths", "replicas"])
    let replicas = try replicas(members, axis)
    let widths =
      members["widths"] == nil
      ? nil : try widths(members["widths"], axis, replicas: replicas)
    guard (members["width"] == nil) != (widths == nil) else {
      throw failure("\(axis.name): a part has either width or widths")
    }
    let width = try natural(members, "width", axis) ?? widths?.reduce(0, +) ?? 0
    let part = Placement.Part(
      name: members["name"]?.text, width: width, widths: widths, replicas: replicas)
    try checkShares(part, axis)
    return part
  }

  private func checkShares(_ part: Placement.Part, _ axis: RankMesh.Axis) throws(RunError) {
    let shares = axis.size / part.replicas
    guard part.widths != nil || part.width % shares == 0 else {
      throw failure(
        "\(axis.name): \(part.width) entries are not \(shares) equal shares; give their widths")
    }
  }

  private func replicas(
    _ members: NameMap<JSONValue>, _ axis: RankMesh.Axis
  ) throws(RunError) -> Int {
    let count = try natural(members, "replicas", axis) ?? 1
    guard count > 0, axis.size % count == 0 else {
      throw failure("\(axis.name): \(axis.size) ranks are not groups of \(count) replicas")
    }
    return count
  }

  private func natural(
    _ members: NameMap<JSONValue>, _ key: String, _ axis: RankMesh.Axis
  ) throws(RunError) -> Int? {
    guard let value = members[key] else { return nil }
    guard let number = value.int, (0..<Self.widthLimit).contains(number) else {
      throw failure("\(axis.name): \(key) is no number of entries")
    }
    return number
  }

  private func widths(
    _ value: JSONValue?, _ axis: RankMesh.Axis, replicas: Int
  ) throws(RunError) -> [Int] {
    let widths = try list(value, "\(axis.name): widths").map(\.int)
    let known = widths.compactMap { $0 }.filter { (0..<Self.widthLimit).contains($0) }
    guard known.count == widths.count, known.count == axis.size / replicas else {
      throw failure(
        "\(axis.name): widths are \(axis.size / replicas) numbers, one for each share")
    }
    return known
  }

  /// A list for each coordinate, which together have each number from 0 once.
  private func indices(
    _ value: JSONValue?, _ name: String, _ axis: RankMesh.Axis, count: Int? = nil
  ) throws(RunError) -> [[Int]] {
    let count = count ?? axis.size
    let lists = value?.items?.map { $0.items?.map(\.int) ?? [nil] } ?? []
    let all = lists.joined().compactMap { $0 }
    guard lists.count == count, all.count <= Self.entryLimit,
      all.count == lists.reduce(0, { $0 + $1.count }), all.sorted() == Array(0..<all.count)
    else {
      throw failure(
        "\(axis.name): \(name) are \(count) lists, one for each coordinate, that have each number "
          + "from 0 once")
    }
    return lists.map { $0.compactMap { $0 } }
  }
}
