/// The mesh of the ranks of a dump, and how SGLang's axes of ranks lie in it.
///
/// SGLang tells more axes than a mesh has: `tp` of 4 is also `attn_dp` of 2 by `attn_tp` of 2, and the
/// experts cut it once more. The mesh is of the most axes that together tell every rank once.
struct SGLangMesh {
  /// Where a rank is along an axis.
  struct Place: Hashable, Sendable {
    var rank: Int
    var size: Int
  }

  let mesh: RankMesh
  /// Which axes of the mesh each of SGLang's is made of, in their order; none for an axis of one
  /// rank, and `nil` for one that is not made of whole axes.
  private let parts: [String: [Int]?]

  /// - Parameter ranks: By rank, its place along each of SGLang's axes.
  /// - Throws: ``SGLangDims/Failure`` where these are no axes of one mesh.
  init(_ ranks: [[String: Place]]) throws(SGLangDims.Failure) {
    var all: [(name: String, size: Int, places: [Int])] = []
    for name in SGLangDims.axes {
      let places = ranks.map { $0[name] ?? Place(rank: 0, size: 1) }
      let size = places.first?.size ?? 1
      for (rank, place) in places.enumerated() where place.size != size {
        throw SGLangDims.Failure(
          reason: "rank 0 says that \(name) is of \(size) ranks, and rank \(rank) \(place.size)")
      }
      guard places.allSatisfy({ (0..<size).contains($0.rank) }) else {
        throw SGLangDims.Failure(reason: "a rank is beyond the \(size) of \(name)")
      }
      if size > 1 { all.append((name, size, places.map(\.rank))) }
    }
    var axes: [(name: String, size: Int, places: [Int])] = []
    for axis in all where !axes.contains(where: { $0.places == axis.places }) { axes.append(axis) }
    var chosen: [Int] = []
    for subset in 1..<(1 << axes.count) where subset.nonzeroBitCount > chosen.count {
      let members = axes.indices.filter { subset & 1 << $0 != 0 }
      let product = members.reduce(1) { min($0 * axes[$1].size, ranks.count + 1) }
      guard product == ranks.count else { continue }
      let places = Set(ranks.indices.map { rank in members.map { axes[$0].places[rank] } })
      if places.count == ranks.count { chosen = members }
    }
    guard !chosen.isEmpty else {
      let told = all.map { "\($0.name) \($0.size)" }.joined(separator: ", ")
      throw SGLangDims.Failure(
        reason: "the axes that the ranks tell (\(told.isEmpty ? "none" : told)) do not tell "
          + "\(ranks.count) ranks apart")
    }
    // The axis whose next rank is the farthest is the slowest.
    let byPlace = Dictionary(
      uniqueKeysWithValues: ranks.indices.map { rank in
        (chosen.map { axes[$0].places[rank] }, rank)
      })
    func stride(_ member: Int) -> Int {
      let origin = byPlace[chosen.map { _ in 0 }] ?? 0
      let next = byPlace[chosen.map { $0 == member ? 1 : 0 }] ?? 0
      return abs(next - origin)
    }
    let ordered = chosen.sorted { stride($0) > stride($1) }.map { axes[$0] }
    var byPosition = Array(ranks.indices)
    for rank in ranks.indices {
      byPosition[ordered.reduce(0) { $0 * $1.size + $1.places[rank] }] = rank
    }
    let mesh = RankMesh(
      axes: ordered.map { RankMesh.Axis(name: $0.name, size: $0.size) }, ranks: byPosition)
    self.mesh = mesh
    parts = Dictionary(
      uniqueKeysWithValues: all.map { ($0.name, Self.parts(of: $0.places, in: mesh)) })
  }

  /// The axes of the mesh that count a rank's place along an axis, the slowest first.
  private static func parts(of places: [Int], in mesh: RankMesh) -> [Int]? {
    func coordinate(_ place: Int, _ axis: Int) -> Int {
      mesh.coordinate(ofPlace: place, along: axis)
    }
    var span = mesh.ranks.count
    var parts: [Int] = []
    for (axis, size) in mesh.axes.map(\.size).enumerated() {
      span /= size
      let counts = mesh.ranks.indices.contains { place in
        places[mesh.ranks[place]]
          != places[mesh.ranks[place - coordinate(place, axis) * span]]
      }
      if counts { parts.append(axis) }
    }
    let isCounted = mesh.ranks.indices.allSatisfy { place in
      places[mesh.ranks[place]]
        == parts.reduce(0) { $0 * mesh.axes[$1].size + coordinate(place, $1) }
    }
    return isCounted ? parts : nil
  }

  /// How a tensor of these dims lies along the axes of the mesh; `nil` along those that they leave
  /// out.
  ///
  /// - Throws: ``SGLangDims/Failure`` for what placements cannot say.
  func placements(of dims: SGLangDims) throws(SGLangDims.Failure) -> [Placement?] {
    var found = [Placement?](repeating: nil, count: mesh.axes.count)
    func place(_ axis: String, _ placement: Placement) throws(SGLangDims.Failure) -> [Int] {
      guard let parts = self.parts[axis, default: []] else {
        throw SGLangDims.Failure(reason: "\(axis) is not made of whole axes of \(mesh.text)")
      }
      for part in parts {
        guard found[part] == nil else {
          throw SGLangDims.Failure(
            reason: "\(axis) and another axis both say how it lies along \(mesh.axes[part].name)")
        }
        found[part] = placement
      }
      return parts
    }
    for axis in dims.replicated { _ = try place(axis, .replicate) }
    let named = dims.replicated + dims.dimensions.flatMap(\.cuts).map(\.axis)
    let rows = dims.dimensions.firstIndex { ["b", "t"].contains($0.name) }
    for (position, dimension) in dims.dimensions.enumerated() {
      var slowest = -1
      func shard(_ axis: String, _ order: Placement.Order) throws(SGLangDims.Failure) {
        let parts = try place(axis, .shard(Placement.Shard(axis: position, order: order)))
        guard let first = parts.first, let last = parts.last else { return }
        guard first > slowest else {
          throw SGLangDims.Failure(
            reason: "\(axis) cuts \(dimension.name) within what \(mesh.axes[slowest].name) has "
              + "cut, and is the slower axis of \(mesh.text)")
        }
        slowest = last
      }
      // Ranks with other requests hold other rows.
      if position == rows, !named.contains(dims.batches) {
        try shard(dims.batches, .ranks(width: nil))
      }
      for cut in dimension.cuts {
        if cut.isPartial {
          guard !cut.isZigzag else {
            throw SGLangDims.Failure(reason: "\(cut.axis) is both a sum and in zigzag order")
          }
          _ = try place(cut.axis, .partial)
        } else if cut.isZigzag {
          // In packed sequences, t, each is cut by itself.
          guard dimension.name == "s", (self.parts[cut.axis] ?? [])?.count ?? 2 < 2 else {
            throw SGLangDims.Failure(
              reason: "only s is cut in zigzag order, and by one axis of \(mesh.text)")
          }
          try shard(cut.axis, .zigzag(width: nil))
        } else {
          try shard(cut.axis, .ranks(width: nil))
        }
      }
    }
    for (axis, size) in mesh.axes.enumerated() where found[axis] == nil && size.name == "pp" {
      found[axis] = .stage(indices: nil)
    }
    return found
  }
}
