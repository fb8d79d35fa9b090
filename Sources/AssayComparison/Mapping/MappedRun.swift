import AssayRuns
import AssayTensors
import Synchronization

/// A run under the names of its mapping, whose tensors are transformed when they are read.
final class MappedRun: RunReader {
  /// Where a tensor under a common name comes from.
  struct Source: Sendable {
    /// Its name in its own run.
    var key: TensorKey
    var transforms: [TensorTransform] = []
    var part: Part?
    /// The rule that says so, from 0.
    var rule: Int?

    /// Which part of a tensor it is, told by the parts of the other run.
    struct Part: Sendable {
      var axis: Int
      var index: Int
      /// The other run's tensors, which joined along the axis are this one's whole.
      var siblings: [Source]
    }
  }

  let path: String
  let manifest: RunManifest
  let steps: [StepRecord]
  private let base: any RunReader
  private let other: any RunReader
  private let mapping: Mapping
  private let sources: [TensorKey: Source]
  private let shapes = Mutex<[TensorKey: Shape]>([:])
  private let coverage = Mutex<[TensorKey: Coverage]>([:])
  /// The tensors whose integers were cast to floats.
  private let castIntegers = Mutex<Set<TensorKey>>([])

  /// How much of a tensor of which parts are taken was read.
  private struct Coverage {
    var total: Int
    var taken: [TensorKey: Int] = [:]
  }

  init(
    _ base: any RunReader, steps: [StepRecord], other: any RunReader, mapping: Mapping,
    sources: [TensorKey: Source]
  ) {
    self.base = base
    self.other = other
    self.mapping = mapping
    self.sources = sources
    self.steps = steps
    path = base.path
    manifest = base.manifest
  }

  func tensor(_ key: TensorKey) throws -> Tensor {
    guard let source = sources[key] else { return try base.tensor(key) }
    var tensor = try base.tensor(source.key)
    let total = tensor.elementCount
    let dtype = tensor.dtype
    do {
      tensor = try transformed(tensor, source.transforms)
      if let part = source.part { tensor = try take(part, of: tensor) }
    } catch {
      let reason =
        switch error {
        case let misfit as TransformMisfit: misfit.reason
        default: "\(error)"
        }
      let rule = source.rule.map { "rule \($0 + 1) of \(mapping.source ?? "the mapping")" }
      throw RunError.unreadableTensor(
        key, path: path,
        reason: "\(rule ?? "the mapping") does not fit \(source.key): \(reason)")
    }
    if dtype.isInteger, !tensor.dtype.isInteger { castIntegers.withLock { _ = $0.insert(key) } }
    if source.part != nil || source.transforms.contains(where: \.isSlice) {
      coverage.withLock {
        $0[source.key, default: Coverage(total: total)].taken[key] = tensor.elementCount
      }
    }
    return tensor
  }

  /// Whether a tensor, once it was read, is floats that were made of integers.
  func holdsIntegers(_ key: TensorKey) -> Bool { castIntegers.withLock { $0.contains(key) } }

  /// Tensors that were read, but not all of whose elements were asked for.
  var partlyRead: [(key: TensorKey, taken: Int, total: Int)] {
    coverage.withLock { $0 }.compactMap { key, coverage in
      let taken = coverage.taken.values.reduce(0, +)
      return taken < coverage.total ? (key, taken, coverage.total) : nil
    }
  }

  private func transformed(_ tensor: Tensor, _ transforms: [TensorTransform]) throws -> Tensor {
    try transforms.reduce(tensor) { try $1.applied(to: $0) }
  }

  private func take(_ part: Source.Part, of tensor: Tensor) throws -> Tensor {
    guard let axis = tensor.shape.position(ofAxis: part.axis) else {
      throw TransformMisfit(reason: "its shape \(tensor.shape) has no axis \(part.axis)")
    }
    var extents: [Int] = []
    for sibling in part.siblings {
      let shape = try shape(of: sibling)
      guard let position = shape.position(ofAxis: part.axis) else {
        throw TransformMisfit(
          reason: "\(sibling.key) has shape \(shape), without axis \(part.axis)")
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
  private func shape(of sibling: Source) throws -> Shape {
    if let known = shapes.withLock({ $0[sibling.key] }) { return known }
    // A digest has a shape too.
    let kept = sibling.transforms.isEmpty ? other.digested(sibling.key)?.shape : nil
    let shape =
      try kept ?? transformed(try other.tensor(sibling.key), sibling.transforms).shape
    shapes.withLock { $0[sibling.key] = shape }
    return shape
  }
}

extension RunReader {
  /// The note of a tensor of which there is a digest.
  fileprivate func digested(_ key: TensorKey) -> SkippedTensor? {
    let note = steps.first { $0.step == key.step }?.calls
      .first { $0.call.module == key.module && $0.call.call == key.call }?.tensors
      .first { $0.key == key }?.skipped
    return note?.digest == nil ? nil : note
  }
}
