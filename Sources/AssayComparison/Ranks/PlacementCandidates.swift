import AssayRuns
import AssayTensors

/// Ways in which the tensors that ranks hold may make a whole one, the simplest first.
struct PlacementCandidates {
  private let mesh: RankMesh
  /// The axes of more than one rank.
  private let axes: [Int]
  /// What rules say of interleaved parts.
  private let knownParts: [Placement.Shard]

  /// More orders of ranks than are tried.
  private static let orderLimit = 32

  init(_ placements: Placements) {
    mesh = placements.mesh
    axes = mesh.axes.indices.filter { placements.mesh.axes[$0].size > 1 }
    var parts: [Placement.Shard] = []
    for placement in placements.rules.flatMap(\.placements) {
      guard case .shard(let shard)? = placement, case .parts = shard.order, !parts.contains(shard)
      else { continue }
      parts.append(shard)
    }
    knownParts = parts
  }

  /// What to try for one tensor.
  ///
  /// - Parameters:
  ///   - pieces: What the ranks hold, by their places in the mesh.
  ///   - whole: What they are to make, where its axes are theirs; `nil` where it is not known.
  ///   - declared: By the axes of the mesh, what is tried for all axes but one; `nil` for nothing.
  func ways(of pieces: [Tensor?], whole: Tensor?, declared: [Placement?]?) -> [RankArrangement] {
    guard let first = pieces.lazy.compactMap({ $0 }).first else { return [] }
    var ways: [RankArrangement] = []
    func add(_ way: RankArrangement) {
      if !ways.contains(way), way != declared.map({ RankArrangement($0) }) { ways.append(way) }
    }
    let isEverywhere = !pieces.contains { $0 == nil }
    if let declared {
      for axis in axes {
        let kinds = placements(of: first.shape.rank, along: axis, isEverywhere: isEverywhere)
        for kind in kinds + parts(pieces, whole, axis) {
          var way = declared
          way[axis] = kind
          for other in axes where way[other] == nil { way[other] = .replicate }
          add(RankArrangement(way))
        }
      }
      for order in orders(pieces.count) { add(RankArrangement(declared, places: order)) }
    } else {
      var all: [[Placement?]] = [[Placement?](repeating: nil, count: mesh.axes.count)]
      for axis in axes {
        let simple = placements(of: first.shape.rank, along: axis, isEverywhere: isEverywhere)
        let kinds = axes.count == 1 ? simple + parts(pieces, whole, axis) : simple
        all = all.flatMap { way in
          kinds.map { kind in
            var way = way
            way[axis] = kind
            return way
          }
        }
      }
      for way in all { add(RankArrangement(way)) }
    }
    return ways
  }

  private func placements(of rank: Int, along axis: Int, isEverywhere: Bool) -> [Placement] {
    // Counted from the end where this is the last axis, which is the same in tensors with a batch.
    let tensorAxes = (0..<rank).reversed().map { $0 == rank - 1 ? -1 : $0 }
    let stages: [Placement] = isEverywhere ? [] : [.stage(indices: nil)]
    return stages + [.replicate] + tensorAxes.map { .shard(Placement.Shard(axis: $0)) }
      + [.partial]
      + tensorAxes.flatMap { tensorAxis in
        (2..<max(mesh.axes[axis].size, 2)).filter { mesh.axes[axis].size % $0 == 0 }
          .map { .shard(Placement.Shard(axis: tensorAxis, replicas: $0)) }
      }
      + tensorAxes.map { .shard(Placement.Shard(axis: $0, order: .zigzag(width: nil))) }
  }

  private func parts(_ pieces: [Tensor?], _ whole: Tensor?, _ axis: Int) -> [Placement] {
    var found = knownParts
    let held = pieces.compactMap { $0 }
    if axes.count == 1, held.count == pieces.count, let whole,
      let parts = PartSearch(held, whole).parts
    {
      found.append(Placement.Shard(axis: -1, order: .parts(parts)))
    }
    return found.map(Placement.shard)
  }

  /// Other orders of the ranks: all of a few, else those in which two are swapped.
  private func orders(_ count: Int) -> [[Int]] {
    guard count <= 4 else {
      var swaps: [[Int]] = []
      for first in 0..<count {
        for second in (first + 1)..<count where swaps.count < Self.orderLimit {
          var order = Array(0..<count)
          order.swapAt(first, second)
          swaps.append(order)
        }
      }
      return swaps
    }
    return permutations(Array(0..<count)).filter { $0 != Array(0..<count) }
  }

  private func permutations(_ items: [Int]) -> [[Int]] {
    guard items.count > 1 else { return [items] }
    return items.flatMap { first in
      permutations(items.filter { $0 != first }).map { [first] + $0 }
    }
  }
}

/// Finds where the columns that ranks hold lie in the whole tensor.
struct PartSearch {
  /// The parts along the last axis that lie side by side on every rank; `nil` where none are found.
  private(set) var parts: [Placement.Part]?

  private static let rowLimit = 8
  private static let columnLimit = 1 << 18

  /// Columns of some rows.
  private struct Columns {
    var count: Int
    /// By row and column.
    var values: [[Double]]

    init?(_ tensor: Tensor, rows: Int) {
      let count = tensor.shape.rowLength
      guard tensor.shape.rank > 0, count > 0, count <= PartSearch.columnLimit else { return nil }
      self.count = count
      values = (0..<min(rows, PartSearch.rowLimit)).map { row in
        [Double](unsafeUninitializedCapacity: count) { buffer, initialized in
          initialized = count
          tensor.convert(row * count..<(row + 1) * count, into: buffer)
        }
      }
    }

    func isColumn(_ own: Int, _ other: Columns, _ position: Int) -> Bool {
      values.indices.allSatisfy { row in
        let (a, b) = (values[row][own], other.values[row][position])
        return a == b || (a - b).magnitude <= 1e-6 + 1e-4 * b.magnitude
      }
    }
  }

  /// A run of columns that follow each other on both sides.
  private struct Run {
    var start: Int
    var count: Int
  }

  /// - Parameters:
  ///   - pieces: What each rank holds, one axis of ranks.
  ///   - whole: What they make.
  init(_ pieces: [Tensor], _ whole: Tensor) {
    guard let first = pieces.first, first.dtype.componentCount == 1,
      first.shape.dimensions.dropLast() == whole.shape.dimensions.dropLast(),
      pieces.allSatisfy({ $0.shape == first.shape }), first.shape.rowLength > 0
    else { return }
    let rows = first.elementCount / first.shape.rowLength
    guard rows > 0, let own = Columns(first, rows: rows), let all = Columns(whole, rows: rows)
    else { return }
    let sorted = all.values[0].indices.sorted { all.values[0][$0] < all.values[0][$1] }
    var runs: [Run] = []
    for column in 0..<own.count {
      if let last = runs.last, last.start + last.count < all.count,
        own.isColumn(column, all, last.start + last.count)
      {
        runs[runs.count - 1].count += 1
        continue
      }
      guard runs.count < 64,
        let start = Self.find(column, of: own, in: all, sorted)
      else { return }
      runs.append(Run(start: start, count: 1))
    }
    // The first rank holds the first share of every part.
    guard runs.count > 1, zip(runs, runs.dropFirst()).allSatisfy({ $0.start < $1.start }),
      runs[0].start == 0
    else { return }
    let ends = runs.dropFirst().map(\.start) + [all.count]
    var found: [Placement.Part] = []
    for (run, end) in zip(runs, ends) {
      let width = end - run.start
      let (shares, rest) = width.quotientAndRemainder(dividingBy: run.count)
      guard rest == 0, shares > 0, pieces.count % shares == 0 else { return }
      found.append(Placement.Part(width: width, replicas: pieces.count / shares))
    }
    parts = found
  }

  private static func find(
    _ column: Int, of own: Columns, in all: Columns, _ sorted: [Int]
  ) -> Int? {
    let value = own.values[0][column]
    guard value.isFinite else { return nil }
    let slack = 1e-6 + 1e-4 * value.magnitude
    var (low, high) = (0, sorted.count)
    while low < high {
      let middle = (low + high) / 2
      if all.values[0][sorted[middle]] < value - slack { low = middle + 1 } else { high = middle }
    }
    var found: Int?
    while low < sorted.count, all.values[0][sorted[low]] <= value + slack {
      if own.isColumn(column, all, sorted[low]) { found = min(found ?? .max, sorted[low]) }
      low += 1
    }
    return found
  }
}
