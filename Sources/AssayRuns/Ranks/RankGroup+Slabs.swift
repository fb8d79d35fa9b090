import AssayTensors

/// Entries of a rank's tensor along its axes, and those of the whole that they are.
struct RankSlab {
  var rank: Int
  /// The tensor on the rank, and its shape.
  var key: TensorKey
  var shape: Shape
  var from: [Range<Int>]
  var to: [Range<Int>]
}

extension RankGroup {
  /// Where on the ranks the elements of a tensor are, each at one of them.
  ///
  /// It tells where they are, not whether the ranks agree: ``tensor(_:)`` does.
  ///
  /// - Returns: `nil` for a tensor whose elements are on no rank, a sum.
  func slabs(of key: TensorKey) throws -> [RankSlab]? {
    guard let placements, let rule = holders[key]?.rule else { return nil }
    let axes = placements.rules[rule].placements
    guard !axes.contains(.partial) else { return nil }
    return try box(of: key, axes, axis: 0, place: 0)?.slabs
  }

  /// What the ranks from a place on hold together, along the axes of the mesh from one on.
  private struct Box {
    var dimensions: [Int]
    var slabs: [RankSlab]
  }

  private func box(
    of key: TensorKey, _ placements: [Placement?], axis: Int, place: Int
  ) throws -> Box? {
    guard let mesh = self.placements?.mesh, axis < mesh.axes.count else {
      return try localTensor(of: key, atPlace: place).map { local in
        let all = local.tensor.shape.dimensions.map { 0..<$0 }
        return Box(
          dimensions: local.tensor.shape.dimensions,
          slabs: [
            RankSlab(
              rank: local.rank, key: local.key, shape: local.tensor.shape, from: all, to: all)
          ])
      }
    }
    let span = mesh.axes[(axis + 1)...].reduce(1) { $0 * $1.size }
    let held = try (0..<mesh.axes[axis].size).compactMap {
      try box(of: key, placements, axis: axis + 1, place: place + $0 * span)
    }
    guard case .shard(let shard)? = placements[axis], let first = held.first else {
      return held.first
    }
    let position = try shard.position(in: Shape(first.dimensions))
    var whole = Box(dimensions: first.dimensions, slabs: [])
    let runs = try shard.runs(held.map { $0.dimensions[position] })
    let width = runs.reduce(0) { $0 + $1.count } - shard.padding
    whole.dimensions[position] = width
    var start = 0
    for run in runs {
      let end = min(run.start + run.count, run.start + width - start)
      for slab in held[run.share].slabs {
        let part = slab.to[position].clamped(to: run.start..<max(end, run.start))
        guard !part.isEmpty else { continue }
        var moved = slab
        let skipped = part.lowerBound - slab.to[position].lowerBound
        let from = slab.from[position].lowerBound + skipped
        moved.from[position] = from..<from + part.count
        let to = start + part.lowerBound - run.start
        moved.to[position] = to..<to + part.count
        whole.slabs.append(moved)
      }
      start += run.count
    }
    return whole
  }
}
