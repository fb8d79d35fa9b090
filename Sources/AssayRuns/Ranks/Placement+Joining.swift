import AssayBase
import AssayTensors
import Foundation

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
          reason:
            "ranks \(known.map { "\($0.rank)" }.joined(separator: " and ")) hold it, and as a "
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
      return RankedTensor(
        rank: first.rank, tensor: try shard.joined(known, axis: axis, bound: bound))
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
      guard let largest = first.tensor.largestDifference(from: other.tensor, beyond: bound) else {
        continue
      }
      let index = first.tensor.dtype.valueShape(of: first.tensor.shape)
        .index(ofElement: largest.position / (first.tensor.dtype.isComplex ? 2 : 1))
      let allowed =
        bound.rtol == 0 && bound.atol == 0
        ? "equal" : "within rtol \(bound.rtol), atol \(bound.atol)"
      throw PlacementFault(
        kind: .replicas,
        reason: "rank \(other.rank) holds another replica than rank \(first.rank): the largest "
          + "|d| is \(String(format: "%.3g", largest.difference)) at \(index), and replicas are to be \(allowed)"
      )
    }
  }

  /// The sum in float64, rounded once to the tensors' dtype, by way of float32 for narrower ones.
  fileprivate func sum() throws(PlacementFault) -> Tensor {
    guard let first else { throw PlacementFault(reason: "there is nothing to add") }
    let (dtype, terms) = (first.tensor.dtype, map(\.tensor))
    guard [.float64, .float32, .float16, .bfloat16].contains(dtype) else {
      throw PlacementFault(reason: "partial sums of \(dtype) are not added")
    }
    let size = dtype.byteCount
    return try first.tensor.assembled(
      Storage.Assembly(byteCount: first.tensor.byteCount, of: terms) { range, target in
        let elements = range.lowerBound / size..<range.upperBound / size
        elements.inParts(of: 1 << 14) { part in
          var total = [Double](repeating: 0, count: part.count)
          var values = total
          for term in terms {
            values.withUnsafeMutableBufferPointer { term.convert(part, into: $0) }
            for position in total.indices { total[position] += values[position] }
          }
          let start = (part.lowerBound - elements.lowerBound) * size
          total.round(
            to: dtype,
            into: UnsafeMutableRawBufferPointer(rebasing: target[start..<start + part.count * size])
          )
        }
      } forget: { range in
        for term in terms { term.forget(range.lowerBound / size..<range.upperBound / size) }
      }, shape: first.tensor.shape)
  }
}

extension [Double] {
  /// Writes the values as float64, float32, float16 or bfloat16.
  fileprivate func round(to dtype: DType, into target: UnsafeMutableRawBufferPointer) {
    func copy(_ values: [some BitwiseCopyable]) {
      values.withUnsafeBytes { target.copyMemory(from: $0) }
    }
    switch dtype {
    case .float64: copy(self)
    case .float32: copy(map(Float.init))
    default:
      let narrow = map(Float.init)
      copy(
        [UInt16](unsafeUninitializedCapacity: count) { bits, initialized in
          initialized = count
          guard let bits = bits.baseAddress else { return }
          narrow.withUnsafeBufferPointer { source in
            guard let source = source.baseAddress else { return }
            if dtype == .float16 {
              FloatConversion.roundToFloat16(source, count: count, into: bits)
            } else {
              FloatConversion.roundToBFloat16(source, count: count, into: bits)
            }
          }
        })
    }
  }
}

extension Range<Int> {
  /// Calls `body` with parts of it, one after the other.
  fileprivate func inParts(of count: Int, _ body: (Range<Int>) -> Void) {
    for start in stride(from: lowerBound, to: upperBound, by: count) {
      body(start..<Swift.min(start + count, upperBound))
    }
  }
}

extension Tensor {
  /// Fewer bytes are put together at once.
  private static let assemblyByteCount = 1 << 24

  /// A tensor of this one's dtype that is put together: at once where it is small, else part by
  /// part whenever elements are asked for, so that it is never there as a whole.
  fileprivate func assembled(
    _ assembly: Storage.Assembly, shape: Shape
  ) throws(PlacementFault) -> Tensor {
    let storage =
      assembly.byteCount > Self.assemblyByteCount
      ? Storage(assembly)
      : Storage(byteCount: assembly.byteCount) { assembly.copy(0..<assembly.byteCount, $0) }
    do {
      return try Tensor(storage: storage, dtype: dtype, shape: shape, device: device)
    } catch {
      throw PlacementFault(reason: "\(error)")
    }
  }

  /// Whether all elements are the same bits.
  fileprivate func hasSameBytes(as other: Tensor) -> Bool {
    guard dtype == other.dtype, shape == other.shape else { return false }
    var isSame = true
    (0..<elementCount).inParts(of: Tensor.elementsAtOnce) { part in
      guard isSame else { return }
      withContiguousBytes(ofElements: part) { ours in
        other.withContiguousBytes(ofElements: part) { theirs in
          guard let left = ours.baseAddress, let right = theirs.baseAddress else { return }
          isSame = memcmp(left, right, ours.count) == 0
        }
      }
      guard elementCount > Tensor.elementsAtOnce else { return }
      forget(part)
      other.forget(part)
    }
    return isSame
  }

  /// The largest difference of values, where one is beyond a bound.
  fileprivate func largestDifference(
    from other: Tensor, beyond bound: (rtol: Double, atol: Double)
  ) -> (difference: Double, position: Int)? {
    var largest = (difference: -1.0, position: 0)
    var isBeyond = false
    let components = dtype.componentCount
    (0..<elementCount).inParts(of: 1 << 14) { part in
      let gaps =
        dtype == .int64 || dtype == .uint64
        ? integerGaps(from: other, part) : gaps(from: other, part)
      for (position, gap) in gaps.enumerated() where gap.difference != 0 {
        // Integers are exact, whatever the bound, and nothing is near infinity.
        if dtype.isInteger || !gap.difference.isFinite
          || !(gap.difference <= bound.atol + bound.rtol * gap.value.magnitude)
        {
          isBeyond = true
        }
        if gap.difference > largest.difference || gap.difference.isNaN {
          largest = (
            gap.difference.isNaN ? .infinity : gap.difference,
            part.lowerBound * components + position
          )
        }
      }
    }
    return isBeyond ? largest : nil
  }

  /// How far apart two values are, and the first of them.
  private typealias Gap = (difference: Double, value: Double)

  private func gaps(from other: Tensor, _ part: Range<Int>) -> [Gap] {
    var ours = [Double](repeating: 0, count: part.count * dtype.componentCount)
    var theirs = ours
    ours.withUnsafeMutableBufferPointer { convert(part, into: $0) }
    theirs.withUnsafeMutableBufferPointer { other.convert(part, into: $0) }
    return zip(ours, theirs).map { a, b in
      // Bytes that differ in NaN's payload, or in the sign of zero, are equal values.
      (a == b || a.isNaN && b.isNaN ? 0 : (a - b).magnitude, a)
    }
  }

  /// The same of integers of 64 bits, of which float64 does not hold all.
  private func integerGaps(from other: Tensor, _ part: Range<Int>) -> [Gap] {
    withContiguousBytes(ofElements: part) { ours in
      other.withContiguousBytes(ofElements: part) { theirs in
        (0..<part.count).map { position in
          let (a, b) = (
            ours.loadUnaligned(fromByteOffset: position * 8, as: UInt64.self),
            theirs.loadUnaligned(fromByteOffset: position * 8, as: UInt64.self)
          )
          guard dtype == .int64 else { return (Double(a > b ? a - b : b - a), Double(a)) }
          let (x, y) = (Int64(bitPattern: a), Int64(bitPattern: b))
          return (Double(x > y ? a &- b : b &- a), Double(x))
        }
      }
    }
  }
}

// MARK: - Shards

extension Placement.Shard {
  /// Entries of one rank that follow each other.
  struct Run {
    /// The rank's coordinate.
    var share: Int
    var start: Int
    var count: Int
  }

  fileprivate func joined(
    _ held: [RankedTensor], axis: String, bound: (rtol: Double, atol: Double)
  ) throws(PlacementFault) -> Tensor {
    guard let first = held.first else { throw PlacementFault(reason: "no rank holds it") }
    let position = try position(in: first.tensor.shape)
    try held.checkForms(besides: position)
    let extents = held.map { $0.tensor.shape.dimensions[position] }
    if case .parts(let parts) = order {
      let runs = try self.runs(extents)
      try checkReplicas(of: parts, held, position, bound)
      return try Self.joined(held.map(\.tensor), runs, along: position)
    }
    if replicas > 1 {
      for first in stride(from: 0, to: held.count, by: replicas) {
        try Array(held[first..<first + replicas]).checkReplicas(bound)
      }
    }
    let whole = try Self.joined(held.map(\.tensor), runs(extents), along: position)
    return try padding == 0 ? whole : withoutPadding(whole, position)
  }

  /// The axis of tensors of this shape, from 0.
  func position(in shape: Shape) throws(PlacementFault) -> Int {
    let position = axis < 0 ? shape.rank + axis : axis
    guard (0..<shape.rank).contains(position) else {
      throw PlacementFault(
        reason: "its shape \(shape) has no axis \(axis), along which it is to be sharded")
    }
    return position
  }

  /// Which entries of which rank follow each other in the whole, with the padding.
  ///
  /// - Parameter extents: How many entries each rank holds.
  func runs(_ extents: [Int]) throws(PlacementFault) -> [Run] {
    if case .parts(let parts) = order { return try runs(parts, extents) }
    let shares = Array(stride(from: 0, to: extents.count, by: replicas))
    let widths = shares.map { extents[$0] }
    switch order {
    case .ranks(let width):
      try check(widths, sum: width)
    case .widths(let declared):
      guard declared == widths else {
        throw PlacementFault(
          reason: "the ranks hold \(widths) entries along axis \(axis), and the widths are "
            + "declared as \(declared)")
      }
    case .zigzag(let width):
      try check(widths, sum: width)
      guard Set(widths).count == 1, widths[0] % 2 == 0 else {
        throw PlacementFault(
          reason: "the ranks hold \(widths) entries along axis \(axis), and in zigzag order "
            + "each holds two equal chunks")
      }
      let half = widths[0] / 2
      return shares.map { Run(share: $0, start: 0, count: half) }
        + shares.reversed().map { Run(share: $0, start: half, count: half) }
    case .indices(let indices):
      guard indices.map(\.count) == widths else {
        throw PlacementFault(
          reason: "the ranks hold \(widths) entries along axis \(axis), and indices are given "
            + "for \(indices.map(\.count))")
      }
      var entries = [Run](
        repeating: Run(share: 0, start: 0, count: 1), count: widths.reduce(0, +))
      for (share, list) in zip(shares, indices) {
        for (start, entry) in list.enumerated() {
          entries[entry] = Run(share: share, start: start, count: 1)
        }
      }
      return entries.reduce(into: []) { runs, entry in
        if let last = runs.last, last.share == entry.share, last.start + last.count == entry.start {
          runs[runs.count - 1].count += 1
        } else {
          runs.append(entry)
        }
      }
    case .parts: break
    }
    return zip(shares, widths).map { Run(share: $0, start: 0, count: $1) }
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

  private func runs(
    _ parts: [Placement.Part], _ extents: [Int]
  ) throws(PlacementFault) -> [Run] {
    let expected = extents.indices.map { coordinate in
      parts.reduce(0) { $0 + $1.width(at: coordinate, of: extents.count) }
    }
    guard expected == extents else {
      throw PlacementFault(
        reason: "the ranks hold \(extents) entries along axis \(axis), and the shares of its parts "
          + "\(parts.map(\.width)) are \(expected)")
    }
    var starts = [Int](repeating: 0, count: extents.count)
    var runs: [Run] = []
    for part in parts {
      let widths = extents.indices.map { part.width(at: $0, of: extents.count) }
      for share in stride(from: 0, to: extents.count, by: part.replicas) {
        runs.append(Run(share: share, start: starts[share], count: widths[share]))
      }
      for index in starts.indices { starts[index] += widths[index] }
    }
    return runs
  }

  /// Checks that ranks that hold the same share of a part agree.
  private func checkReplicas(
    of parts: [Placement.Part], _ held: [RankedTensor], _ position: Int,
    _ bound: (rtol: Double, atol: Double)
  ) throws(PlacementFault) {
    var starts = [Int](repeating: 0, count: held.count)
    for part in parts {
      let widths = held.indices.map { part.width(at: $0, of: held.count) }
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
          for first in stride(from: 0, to: held.count, by: part.replicas) {
            try Array(shares[first..<first + part.replicas]).checkReplicas(bound)
          }
        } catch {
          throw PlacementFault(
            kind: error.kind, reason: (part.name.map { "part \($0): " } ?? "") + error.reason)
        }
      }
      for index in starts.indices { starts[index] += widths[index] }
    }
  }

  /// Puts runs of entries one after the other along an axis.
  private static func joined(
    _ shares: [Tensor], _ runs: [Run], along axis: Int
  ) throws(PlacementFault) -> Tensor {
    var dimensions = shares[0].shape.dimensions
    dimensions[axis] = runs.reduce(0) { $0 + $1.count }
    let shape: Shape
    do { shape = try Shape(dimensions) } catch { throw PlacementFault(reason: "\(error)") }
    let inner = dimensions[(axis + 1)...].reduce(1, *)
    let rows = shares.map { $0.shape.dimensions[axis] * inner }
    // Where each run ends in a row of the whole.
    var ends: [Int] = []
    for run in runs { ends.append((ends.last ?? 0) + run.count * inner) }
    let (row, size) = (ends.last ?? 0, shares[0].dtype.byteCount)
    /// Walks the elements of shares that some bytes of the whole are.
    let walk = { @Sendable [ends] (range: Range<Int>, body: (Tensor, Range<Int>, Int) -> Void) in
      var position = range.lowerBound / size
      let end = range.upperBound / size
      while position < end {
        let (outer, column) = position.quotientAndRemainder(dividingBy: row)
        let found = ends.partitioningIndex { $0 > column }
        let run = runs[found]
        let within = column - (ends[found] - run.count * inner)
        let count = min(run.count * inner - within, end - position)
        let from = outer * rows[run.share] + run.start * inner + within
        body(shares[run.share], from..<from + count, position * size - range.lowerBound)
        position += count
      }
    }
    let byteCount = shape.elementCount * size
    let assembly = Storage.Assembly(byteCount: byteCount, of: shares) { range, target in
      walk(range) { share, elements, start in
        share.withContiguousBytes(ofElements: elements) {
          UnsafeMutableRawBufferPointer(rebasing: target[start..<start + $0.count])
            .copyMemory(from: $0)
        }
      }
    } forget: { range in
      if row > Tensor.elementsAtOnce {
        return walk(range) { share, elements, _ in share.forget(elements) }
      }
      // Runs are small, and lie side by side in rows: those that end here.
      let (first, last) = (
        range.lowerBound / size / max(row, 1), range.upperBound / size / max(row, 1)
      )
      for (share, length) in zip(shares, rows) { share.forget(first * length..<last * length) }
    }
    return try shares[0].assembled(assembly, shape: shape)
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

extension Placement.Part {
  /// How many entries the rank at a coordinate holds.
  fileprivate func width(at coordinate: Int, of count: Int) -> Int {
    widths?[coordinate / replicas] ?? width / (count / replicas)
  }
}

extension [Int] {
  /// The first position whose element fulfils a condition that all later ones fulfil too.
  fileprivate func partitioningIndex(_ isAfter: (Int) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if isAfter(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
