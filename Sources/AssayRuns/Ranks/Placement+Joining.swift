import AssayBase
import AssayTensors

/// What the ranks at one coordinate of an axis hold together, and the first of these ranks.
struct RankedTensor {
  var rank: Int
  var tensor: Tensor
}

/// Why tensors of ranks do not make a whole one.
struct PlacementFault: Error {
  enum Kind {
    /// They are not placed as it was declared, or nothing was.
    case placement
    /// Ranks that were to hold the same do not.
    case replicas
  }

  var kind = Kind.placement
  var reason: String
}

extension Placement {
  /// Makes one tensor of those along an axis of the mesh.
  ///
  /// - Parameters:
  ///   - held: By coordinate, what is held there; `nil` where nothing is.
  ///   - ranks: By coordinate, the first rank there.
  ///   - axis: What messages call the axis.
  ///   - bound: Within what replicas must agree.
  /// - Returns: `nil` where nothing is held at any coordinate.
  func joined(
    _ held: [RankedTensor?], ranks: [Int], axis: String, bound: (rtol: Double, atol: Double)
  ) throws(PlacementFault) -> RankedTensor? {
    let known = held.compactMap { $0 }
    guard let first = known.first else { return nil }
    if case .stage = self {
      guard known.count == 1 else {
        throw PlacementFault(
          reason: "ranks \(known.map { "\($0.rank)" }.joined(separator: " and ")) hold it, and as a "
            + "stage along \(axis) one does")
      }
      return first
    }
    if let lacking = held.firstIndex(where: { $0 == nil }) {
      throw PlacementFault(
        reason: "rank \(ranks[lacking]) has no such tensor, and rank \(first.rank) has")
    }
    switch self {
    case .stage: return first
    case .replicate:
      try known.checkReplicas(bound)
      return first
    case .partial:
      try known.checkForms(besides: nil)
      return RankedTensor(rank: first.rank, tensor: try known.sum())
    case .shard(let shard):
      return RankedTensor(rank: first.rank, tensor: try shard.joined(known, axis: axis, bound: bound))
    }
  }
}

extension [RankedTensor] {
  /// Checks that all have one dtype, and one shape but for an axis.
  fileprivate func checkForms(besides axis: Int?) throws(PlacementFault) {
    guard let first else { return }
    func others(_ shape: Shape) -> [Int] {
      shape.dimensions.enumerated().filter { $0.offset != axis }.map(\.element)
    }
    for other in dropFirst() {
      let (ours, theirs) = (first.tensor, other.tensor)
      guard ours.dtype == theirs.dtype, ours.shape.rank == theirs.shape.rank,
        others(ours.shape) == others(theirs.shape)
      else {
        throw PlacementFault(
          reason: "rank \(other.rank) holds \(theirs.dtype) \(theirs.shape), and rank "
            + "\(first.rank) \(ours.dtype) \(ours.shape)")
      }
    }
  }

  /// Checks that all are the same within a bound.
  func checkReplicas(_ bound: (rtol: Double, atol: Double)) throws(PlacementFault) {
    guard let first else { return }
    try checkForms(besides: nil)
    for other in dropFirst() where !first.tensor.hasSameBytes(as: other.tensor) {
      let (ours, theirs) = (first.tensor.float64Values(), other.tensor.float64Values())
      var largest = (difference: -1.0, position: 0)
      var isOutside = false
      for (position, (a, b)) in zip(ours, theirs).enumerated() where a != b {
        if a.isNaN && b.isNaN { continue }
        let difference = (a - b).magnitude
        if !(difference <= bound.atol + bound.rtol * a.magnitude) { isOutside = true }
        if difference > largest.difference || difference.isNaN {
          largest = (difference.isNaN ? .infinity : difference, position)
        }
      }
      // Bytes that differ in nothing but the sign of zero, or in NaN's payload, are equal values.
      guard isOutside else { continue }
      let index = first.tensor.dtype.valueShape(of: first.tensor.shape)
        .index(ofElement: largest.position / (first.tensor.dtype.isComplex ? 2 : 1))
      let allowed =
        bound.rtol == 0 && bound.atol == 0
        ? "equal" : "within rtol \(bound.rtol), atol \(bound.atol)"
      throw PlacementFault(
        kind: .replicas,
        reason: "rank \(other.rank) holds another replica than rank \(first.rank): the largest "
          + "|d| is \(Float(largest.difference)) at \(index), and replicas are to be \(allowed)")
    }
  }

  /// The sum in float64, rounded once to the tensors' dtype by way of float32 for narrower ones.
  fileprivate func sum() throws(PlacementFault) -> Tensor {
    guard let first else { throw PlacementFault(reason: "there is nothing to add") }
    let (dtype, shape) = (first.tensor.dtype, first.tensor.shape)
    guard [.float64, .float32, .float16, .bfloat16].contains(dtype) else {
      throw PlacementFault(reason: "partial sums of \(dtype) are not added")
    }
    var total = first.tensor.float64Values()
    for other in dropFirst() {
      let terms = other.tensor.float64Values()
      for position in total.indices { total[position] += terms[position] }
    }
    do {
      let device = first.tensor.device
      if dtype == .float64 {
        return try Tensor(total, dtype: dtype, shape: shape, device: device)
      }
      let narrow = total.map(Float.init)
      if dtype == .float32 {
        return try Tensor(narrow, dtype: dtype, shape: shape, device: device)
      }
      return try Tensor(narrow.rounded(to: dtype), dtype: dtype, shape: shape, device: device)
    } catch {
      throw PlacementFault(reason: "\(error)")
    }
  }
}

extension [Float] {
  /// The bits of float16 or bfloat16 values.
  fileprivate func rounded(to dtype: DType) -> [UInt16] {
    [UInt16](unsafeUninitializedCapacity: count) { buffer, initialized in
      initialized = count
      withUnsafeBufferPointer { source in
        guard let target = buffer.baseAddress, let source = source.baseAddress else { return }
        if dtype == .float16 {
          FloatConversion.roundToFloat16(source, count: count, into: target)
        } else {
          FloatConversion.roundToBFloat16(source, count: count, into: target)
        }
      }
    }
  }
}

extension Tensor {
  /// Whether all elements are the same bits.
  fileprivate func hasSameBytes(as other: Tensor) -> Bool {
    guard byteCount == other.byteCount else { return false }
    return withContiguousBytes { ours in
      other.withContiguousBytes { theirs in
        byteCount == 0 || ours.elementsEqual(theirs)
      }
    }
  }
}

// MARK: - Shards

extension Placement.Shard {
  /// Entries of one share that follow each other.
  private struct Run {
    var share: Int
    var start: Int
    var count: Int
  }

  fileprivate func joined(
    _ held: [RankedTensor], axis: String, bound: (rtol: Double, atol: Double)
  ) throws(PlacementFault) -> Tensor {
    guard let first = held.first else { throw PlacementFault(reason: "no rank holds it") }
    let rank = first.tensor.shape.rank
    let position = self.axis < 0 ? rank + self.axis : self.axis
    guard (0..<rank).contains(position) else {
      throw PlacementFault(
        reason: "its shape \(first.tensor.shape) has no axis \(self.axis), along which it is to be "
          + "sharded")
    }
    try held.checkForms(besides: position)
    let extents = held.map { $0.tensor.shape.dimensions[position] }
    if case .parts(let parts) = order {
      return try joinedParts(parts, held, extents, position, bound)
    }
    let shares = try self.shares(of: held, replicas, bound)
    let widths = shares.map { extents[$0] }
    let runs: [Run]
    switch order {
    case .ranks(let width):
      try check(widths, sum: width)
      runs = widths.enumerated().map { Run(share: $0.offset, start: 0, count: $0.element) }
    case .widths(let declared):
      guard declared == widths else {
        throw PlacementFault(
          reason: "the ranks hold \(widths) entries along axis \(self.axis), and the widths are "
            + "declared as \(declared)")
      }
      runs = widths.enumerated().map { Run(share: $0.offset, start: 0, count: $0.element) }
    case .zigzag(let width):
      try check(widths, sum: width)
      guard Set(widths).count == 1, widths[0] % 2 == 0 else {
        throw PlacementFault(
          reason: "the ranks hold \(widths) entries along axis \(self.axis), and in zigzag order "
            + "each holds two equal chunks")
      }
      let half = widths[0] / 2
      runs =
        widths.indices.map { Run(share: $0, start: 0, count: half) }
        + widths.indices.reversed().map { Run(share: $0, start: half, count: half) }
    case .indices(let indices):
      guard indices.map(\.count) == widths else {
        throw PlacementFault(
          reason: "the ranks hold \(widths) entries along axis \(self.axis), and indices are given "
            + "for \(indices.map(\.count))")
      }
      var entries = [Run](
        repeating: Run(share: 0, start: 0, count: 1), count: widths.reduce(0, +))
      for (share, list) in indices.enumerated() {
        for (start, entry) in list.enumerated() {
          entries[entry] = Run(share: share, start: start, count: 1)
        }
      }
      runs = entries
    case .parts: runs = []
    }
    let whole = try Self.joined(shares.map { held[$0].tensor }, runs, along: position)
    return try padding == 0 ? whole : withoutPadding(whole, position)
  }

  /// The positions of those of whom each share is taken; their replicas agree.
  private func shares(
    of held: [RankedTensor], _ replicas: Int, _ bound: (rtol: Double, atol: Double)
  ) throws(PlacementFault) -> [Int] {
    let firsts = Array(stride(from: 0, to: held.count, by: replicas))
    if replicas > 1 {
      for first in firsts { try Array(held[first..<first + replicas]).checkReplicas(bound) }
    }
    return firsts
  }

  private func check(_ widths: [Int], sum width: Int?) throws(PlacementFault) {
    guard let width else { return }
    let total = widths.reduce(0, +)
    guard total == width + padding else {
      throw PlacementFault(
        reason: "the ranks hold \(widths) entries along axis \(axis), which are \(total), and the "
          + "width is declared as \(width)\(padding > 0 ? " and \(padding) of padding" : "")")
    }
  }

  private func joinedParts(
    _ parts: [Placement.Part], _ held: [RankedTensor], _ extents: [Int], _ position: Int,
    _ bound: (rtol: Double, atol: Double)
  ) throws(PlacementFault) -> Tensor {
    let widths = parts.map { part in
      held.indices.map { coordinate in
        part.widths?[coordinate / part.replicas]
          ?? part.width / (held.count / part.replicas)
      }
    }
    let expected = held.indices.map { coordinate in widths.reduce(0) { $0 + $1[coordinate] } }
    guard expected == extents else {
      throw PlacementFault(
        reason: "the ranks hold \(extents) entries along axis \(axis), and the shares of its parts "
          + "\(parts.map(\.width)) are \(expected)")
    }
    var starts = [Int](repeating: 0, count: held.count)
    var runs: [Run] = []
    for (part, widths) in zip(parts, widths) {
      if part.replicas > 1 {
        let shares = try held.indices.map { index throws(PlacementFault) in
          do {
            return RankedTensor(
              rank: held[index].rank,
              tensor: try held[index].tensor.part(
                starts[index]..<starts[index] + widths[index], alongAxis: position))
          } catch { throw PlacementFault(reason: "\(error)") }
        }
        do {
          _ = try self.shares(of: shares, part.replicas, bound)
        } catch {
          throw PlacementFault(
            kind: error.kind, reason: (part.name.map { "part \($0): " } ?? "") + error.reason)
        }
      }
      for share in stride(from: 0, to: held.count, by: part.replicas) {
        runs.append(Run(share: share, start: starts[share], count: widths[share]))
      }
      for index in starts.indices { starts[index] += widths[index] }
    }
    return try Self.joined(held.map(\.tensor), runs, along: position)
  }

  /// Copies runs of entries, one after the other along an axis.
  private static func joined(
    _ shares: [Tensor], _ runs: [Run], along axis: Int
  ) throws(PlacementFault) -> Tensor {
    var dimensions = shares[0].shape.dimensions
    dimensions[axis] = runs.reduce(0) { $0 + $1.count }
    let inner = dimensions[(axis + 1)...].reduce(1, *) * shares[0].dtype.byteCount
    let outer = dimensions[..<axis].reduce(1, *)
    let whole = shares.map { $0.isContiguous ? $0 : $0.copied() }
    let (rowBytes, dtype) = (dimensions[axis] * inner, shares[0].dtype)
    do {
      let shape = try Shape(dimensions)
      let storage = Storage(byteCount: rowBytes * outer) { target in
        var start = 0
        for run in runs where run.count > 0 && inner > 0 {
          let length = run.count * inner
          let shareRow = whole[run.share].shape.dimensions[axis] * inner
          whole[run.share].withContiguousBytes { source in
            for row in 0..<outer {
              let from = row * shareRow + run.start * inner
              UnsafeMutableRawBufferPointer(
                rebasing: target[row * rowBytes + start..<row * rowBytes + start + length]
              ).copyMemory(from: UnsafeRawBufferPointer(rebasing: source[from..<from + length]))
            }
          }
          start += length
        }
      }
      return try Tensor(
        storage: storage, dtype: dtype, shape: shape, device: shares[0].device)
    } catch {
      throw PlacementFault(reason: "\(error)")
    }
  }

  /// The tensor without its last entries along an axis, which must all be zero or all -inf.
  private func withoutPadding(_ whole: Tensor, _ position: Int) throws(PlacementFault) -> Tensor {
    let extent = whole.shape.dimensions[position]
    guard padding <= extent else {
      throw PlacementFault(
        reason: "axis \(axis) has \(extent) entries, fewer than the \(padding) of padding")
    }
    do {
      let values = try whole.part(extent - padding..<extent, alongAxis: position).float64Values()
      if let first = values.first, first != 0 && first != -.infinity {
        throw PlacementFault(
          reason: "the padding holds \(first), and padding is 0 or -inf throughout")
      }
      if let other = values.first(where: { $0 != values[0] }) {
        throw PlacementFault(
          reason: "the padding holds \(other) beside \(values[0]), and padding is 0 or -inf "
            + "throughout")
      }
      return try whole.part(0..<extent - padding, alongAxis: position)
    } catch let fault as PlacementFault {
      throw fault
    } catch {
      throw PlacementFault(reason: "\(error)")
    }
  }
}
