import AssayRuns
import AssayTensors
import Synchronization

/// Two tensors that are held against each other, or one that stands alone.
struct TensorPair: Sendable {
  /// The name under which the pair is compared: that of the expected run, but for what a mapping
  /// splits.
  var key: TensorKey
  var sides = BothSides<TensorSource?>(actual: nil, expected: nil)
  /// By which rule and with which transforms it was made; `nil` without a mapping.
  var origin: PairOrigin?
  /// Why a tensor stands alone although its name has a counterpart.
  var reason: String?

  var actual: TensorRecord? { sides.actual?.record }
  var expected: TensorRecord? { sides.expected?.record }

  /// Why there is nothing to judge, where a run says that it could not record the tensor.
  var notRecorded: String? {
    switch (actual?.notRecorded, expected?.notRecorded) {
    case (let ours?, .some): "neither run recorded it: \(ours)"
    case (let ours?, nil): "the actual run did not record it: \(ours)"
    case (nil, let theirs?): "the expected run did not record it: \(theirs)"
    case (nil, nil): nil
    }
  }
}

/// A tensor of a run, and what is done to it before it is compared.
struct TensorSource: Sendable {
  /// The tensor under its name in its own run.
  var record: TensorRecord
  var transforms: [TensorTransform] = []
  var part: Part?
  /// Tensors of the same run that are added to it.
  var terms: [TensorSource] = []

  /// Which part of a tensor it is, told by the tensors of another run.
  struct Part: Sendable {
    var axis: Int
    var index: Int
    /// The tensors that joined along the axis are the whole.
    var siblings: [TensorSource]
    /// The run that holds them.
    var run: any RunReader
  }

  /// What is done to a tensor whose rows were made its first axis: of transforms that would take
  /// out the batch axis or choose among rows nothing is left, since rows pair by their names.
  func transforms(ofRows tensor: Tensor) -> [TensorTransform] {
    transforms.filter { transform in
      switch transform {
      case .squeeze(0), .squeezeWherePossible(0): false
      case .slice(let axis, _, _): tensor.shape.position(ofAxis: axis) != 0
      default: true
      }
    }
  }

  /// The tensor as it is compared, of a run that may be cut by rows.
  fileprivate func transformed(in run: any RunReader) throws -> Tensor {
    guard let rowed = try (run as? AlignedRun)?.rowed(record.key) else {
      return try transforms.applied(to: run.tensor(record.key))
    }
    return try (rowed.rows == nil ? transforms : transforms(ofRows: rowed.tensor))
      .applied(to: rowed.tensor)
  }

  /// Whether only some of its elements are asked for.
  var isPartial: Bool { part != nil || transforms.slices }
}

/// Reads tensors and does to them what rules say.
final class TensorSourceReader: Sendable {
  /// A tensor as it is compared.
  struct Reading {
    var tensor: Tensor
    /// Whether a rule made floats of integers.
    var isCastFromIntegers = false
    /// The rows along the first axis, where the runs are compared by rows and the tensor has some.
    var rows: RowList?
  }

  /// How much of a tensor of which parts are taken was read.
  private struct Coverage {
    var total: Int
    var taken: [TensorKey: Int] = [:]
  }

  private let run: any RunReader
  private let aligned: AlignedRun?
  private let mapping: Mapping?
  /// Of tensors that tell which part another one is.
  private let shapes = Mutex<[TensorKey: Shape]>([:])
  private let coverage = Mutex<[TensorKey: Coverage]>([:])
  /// Tensors that were read as a whole, which some pairs may have parts of.
  private let wholes = Mutex<Set<TensorKey>>([])

  init(_ run: any RunReader, mapping: Mapping?) {
    self.run = run
    aligned = run as? AlignedRun
    self.mapping = mapping
  }

  /// Reads one tensor of a pair.
  ///
  /// - Parameter side: The side of the pair that is of this run.
  func read(_ pair: TensorPair, _ side: RunSide) throws -> Reading {
    guard let source = pair.sides[side] else {
      throw RunError.unreadableTensor(
        pair.key, path: run.path, reason: "the run has no such tensor")
    }
    let key = source.record.key
    let (stored, rows) = try stored(key)
    var tensor = stored
    do {
      tensor = try transformed(stored, source, rows)
      if let part = source.part { tensor = try take(part, of: tensor) }
      if !source.terms.isEmpty {
        tensor = try TensorSum.sum([tensor] + source.terms.map { try term($0, rows) })
      }
    } catch RunError.unreadableTensor(let key, let path, let reason) where !source.terms.isEmpty {
      throw RunError.unreadableTensor(key, path: path, reason: "\(key): \(reason)")
    } catch {
      let reason = (error as? TransformMisfit)?.reason ?? "\(error)"
      let name = mapping?.source ?? "the mapping"
      throw RunError.unreadableTensor(
        pair.key, path: run.path,
        reason:
          "\(pair.origin?.rule.map { "rule \($0 + 1) of \(name)" } ?? "the mapping") does not fit "
          + "\(source.record.key)"
          + (pair.sides[side.other].map { ", paired with \($0.record.key)" } ?? "")
          + ": \(reason)")
    }
    if mapping != nil, !source.isPartial {
      wholes.withLock { _ = $0.insert(source.record.key) }
    }
    if source.isPartial {
      coverage.withLock {
        $0[source.record.key, default: Coverage(total: stored.elementCount)].taken[pair.key] =
          tensor.elementCount
      }
    }
    if let rows, tensor.shape.dimensions.first != rows.rows.count {
      throw RunError.unreadableTensor(
        pair.key, path: run.path,
        reason:
          "a transform of the mapping changes the first axis, which holds its rows where runs "
          + "are compared by rows")
    }
    return Reading(
      tensor: tensor, isCastFromIntegers: stored.dtype.isInteger && !tensor.dtype.isInteger,
      rows: rows)
  }

  /// What was read of a tensor for a pair, as far as ``note(of:)`` asks.
  struct Slice: Sendable, Codable {
    /// How many elements were taken; `nil` for all.
    var taken: Int?
    /// How many elements the tensor has, where not all were taken.
    var total: Int?
  }

  /// What was read of a side of a pair; `nil` for nothing.
  func slice(of pair: TensorPair, _ side: RunSide) -> Slice? {
    guard let source = pair.sides[side] else { return nil }
    let key = source.record.key
    guard source.isPartial else { return wholes.withLock { $0.contains(key) } ? Slice() : nil }
    return coverage.withLock { coverage in
      coverage[key].flatMap { found in
        found.taken[pair.key].map { Slice(taken: $0, total: found.total) }
      }
    }
  }

  /// Counts as read what another process read of a side of a pair.
  func add(_ slice: Slice, of pair: TensorPair, _ side: RunSide) {
    guard let key = pair.sides[side]?.record.key else { return }
    if let taken = slice.taken, let total = slice.total {
      coverage.withLock { $0[key, default: Coverage(total: total)].taken[pair.key] = taken }
    } else {
      wholes.withLock { _ = $0.insert(key) }
    }
  }

  /// What to know of tensors that were read, but not all of whose elements were asked for.
  func note(of side: RunSide) -> String? {
    let wholes = wholes.withLock { $0 }
    let partial = coverage.withLock { $0 }.compactMap { key, coverage in
      let taken = coverage.taken.values.reduce(0, +)
      return taken < coverage.total && !wholes.contains(key)
        ? (key: key, taken: taken, total: coverage.total) : nil
    }
    guard let first = partial.min(by: { "\($0.key)" < "\($1.key)" }) else { return nil }
    let subject =
      partial.count == 1
      ? "1 tensor of the \(side.rawValue) run was"
      : "\(partial.count) tensors of the \(side.rawValue) run were"
    return
      "\(subject) compared in part only, as mapping rules slice it: \(first.key), \(first.taken) of "
      + "\(first.total) elements"
  }

  private func stored(_ key: TensorKey) throws -> (Tensor, RowList?) {
    guard let rowed = try aligned?.rowed(key) else { return (try run.tensor(key), nil) }
    return (rowed.tensor, rowed.rows)
  }

  private func transformed(
    _ stored: Tensor, _ source: TensorSource, _ rows: RowList?
  ) throws -> Tensor {
    try (rows == nil ? source.transforms : source.transforms(ofRows: stored)).applied(to: stored)
  }

  private func term(_ source: TensorSource, _ others: RowList?) throws -> Tensor {
    let (stored, rows) = try stored(source.record.key)
    guard rows == others else {
      throw TransformMisfit(reason: "\(source.record.key), which is added to it, has other rows")
    }
    return try transformed(stored, source, rows)
  }

  private func take(_ part: TensorSource.Part, of tensor: Tensor) throws -> Tensor {
    guard let axis = tensor.shape.position(ofAxis: part.axis) else {
      throw TransformMisfit(reason: "its shape \(tensor.shape) has no axis \(part.axis)")
    }
    var extents: [Int] = []
    for sibling in part.siblings {
      let shape = try shape(of: sibling, in: part.run)
      guard let position = shape.position(ofAxis: part.axis) else {
        throw TransformMisfit(
          reason: "\(sibling.record.key) has shape \(shape), without axis \(part.axis)")
      }
      extents.append(shape.dimensions[position])
    }
    let extent = tensor.shape.dimensions[axis]
    guard extents.reduce(0, +) == extent else {
      let sum = extents.map(String.init).joined(separator: " + ")
      throw TransformMisfit(
        reason: "its axis \(part.axis) has \(extent) entries, and the \(extents.count) parts have "
          + "\(sum)")
    }
    let start = extents.prefix(part.index).reduce(0, +)
    return try tensor.part(start..<start + extents[part.index], alongAxis: axis)
  }

  /// The shape of a tensor of the other run, which is read once for it.
  private func shape(of sibling: TensorSource, in run: any RunReader) throws -> Shape {
    let key = sibling.record.key
    if let known = shapes.withLock({ $0[key] }) { return known }
    // A digest has a shape too.
    let note = sibling.record.skipped
    let shape =
      if let note, note.digest != nil, let shape = sibling.transforms.squeezed(note.shape) {
        shape
      } else {
        try sibling.transformed(in: run).shape
      }
    shapes.withLock { $0[key] = shape }
    return shape
  }
}
