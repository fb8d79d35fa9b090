import AssayRuns
import AssayTensors
import Synchronization

/// A run whose tensors are cut into the steps of another run, row by row.
///
/// Tensors are views where a step of the run is a step of the other; else rows are copied.
final class AlignedRun: RunReader {
  /// Where the rows of a step come from.
  struct Step {
    /// The step's number.
    var index: Int
    /// The steps of the run, by position, that hold rows of it, ascending.
    var sources: [Int]
    /// The rows of the step.
    var rows: Set<Row>
    /// Whether the step is one step of either run and holds the same rows there, so that tensors
    /// without rows are those of the same work.
    var isWhole: Bool
  }

  /// A tensor of a step: which tensors of the run hold its rows.
  private struct Plan {
    var step: Int
    var pieces: [(source: Int, key: TensorKey)]
  }

  /// A tensor with its rows along the first axis.
  struct Rowed {
    var tensor: Tensor
    /// `nil` for a tensor that has no rows, of a step that is whole.
    var rows: RowList?
  }

  let path: String
  let manifest: RunManifest
  let steps: [StepRecord]
  /// The run that is cut.
  let run: any RunReader
  private let book: RowBook
  private let aligned: [Step]
  private let plans: [TensorKey: Plan]
  /// The rows of tensors whose pieces have the same layouts, which are most tensors of a step.
  private let lists = Mutex<[[Int]: RowList]>([:])

  init(_ run: any RunReader, _ book: RowBook, steps aligned: [Step]) {
    self.run = run
    self.book = book
    self.aligned = aligned
    path = run.path
    manifest = run.manifest
    var plans: [TensorKey: Plan] = [:]
    steps = aligned.enumerated().map { position, step in
      AlignedRun.record(of: step, at: position, run, &plans)
    }
    self.plans = plans
  }

  private init(_ other: AlignedRun, reading run: any RunReader) {
    self.run = run
    book = other.book
    aligned = other.aligned
    path = other.path
    manifest = other.manifest
    plans = other.plans
    steps = other.steps
  }

  /// The same cut of another run, which has the same steps.
  func cutting(_ run: any RunReader) -> AlignedRun { AlignedRun(self, reading: run) }

  /// The first tensor of the run that holds rows of one.
  func firstPiece(of key: TensorKey) -> TensorKey? { plans[key]?.pieces.first?.key }

  /// The calls of a step: those of all its sources, each once.
  private static func record(
    of step: Step, at position: Int, _ run: any RunReader, _ plans: inout [TensorKey: Plan]
  ) -> StepRecord {
    var calls: [CallRecord] = []
    var places: [CallKey: Int] = [:]
    var order: [Int] = []
    var isOrderRecorded = true
    for source in step.sources {
      let record = run.steps[source]
      isOrderRecorded = isOrderRecorded && record.isOrderRecorded
      var own: [Int] = []
      var isNew: [Bool] = []
      for call in record.calls {
        var name = call.call
        name.step = step.index
        let place = places[name] ?? calls.count
        isNew.append(places[name] == nil)
        own.append(place)
        if places[name] == nil {
          places[name] = place
          calls.append(
            CallRecord(
              call: name, descriptions: call.descriptions,
              inputCoverage: call.inputCoverage))
        } else if call.inputCoverage == .partial {
          // What one of the steps does not show of its inputs all of them together do not.
          calls[place].inputCoverage = .partial
        }
        for tensor in call.tensors {
          var key = tensor.key
          key.call.step = step.index
          if plans[key] == nil {
            calls[place].tensors.append(TensorRecord(key: key, content: .stored))
            plans[key] = Plan(step: position, pieces: [])
          }
          plans[key]?.pieces.append((source, tensor.key))
          if !tensor.isStored, let at = calls[place].tensors.firstIndex(where: { $0.key == key }) {
            calls[place].tensors[at].content = tensor.contentWithoutDigest
          }
        }
      }
      order += record.completionOrder.filter { isNew.indices.contains($0) && isNew[$0] }
        .map { own[$0] }
    }
    return StepRecord(
      index: step.index, calls: calls, completionOrder: order, isOrderRecorded: isOrderRecorded)
  }

  func tensor(_ key: TensorKey) throws -> Tensor { try rowed(key).tensor }

  func byteCount(of key: TensorKey) -> Int? {
    guard let plan = plans[key] else { return nil }
    let counts = plan.pieces.compactMap { run.byteCount(of: $0.key) }
    return counts.count == plan.pieces.count ? counts.reduce(0, +) : nil
  }

  /// Reads a tensor with all of its rows that belong to the step.
  ///
  /// - Throws: ``RunError/unreadableTensor(_:path:reason:)``.
  func rowed(_ key: TensorKey) throws -> Rowed {
    guard let plan = plans[key] else { throw unreadable(key, "the run has no such tensor") }
    let step = aligned[plan.step]
    let tensors = try plan.pieces.map { try run.tensor($0.key) }
    var layouts: [Int] = []
    for (piece, tensor) in zip(plan.pieces, tensors) {
      let layout = book.layouts[piece.source].firstIndex { $0.fits(tensor.shape.dimensions) }
      guard let layout else {
        if step.isWhole, tensors.count == 1 { return Rowed(tensor: tensor) }
        throw unreadable(
          key,
          "shape \(tensor.shape) holds no rows, and the runs' steps are cut otherwise, so that "
            + "no tensor is known to be its counterpart: leave it out by a mapping's drop rule")
      }
      layouts.append(layout)
    }
    var parts: [Tensor] = []
    for (position, tensor) in tensors.enumerated() {
      let layout = book.layouts[plan.pieces[position].source][layouts[position]]
      let kept = layout.rows.indices.filter { layout.rows[$0].map(step.rows.contains) ?? false }
      let flat = try tensor.withRowsFirst(axes: layout.axes)
      parts.append(kept.count == layout.rows.count ? flat : try flat.rows(kept))
    }
    guard let tensor = try Tensor.joinedRows(parts) else {
      throw unreadable(key, "its rows have another shape or dtype in one step than in another")
    }
    return Rowed(tensor: tensor, rows: rows(of: plan, layouts))
  }

  /// The rows of a tensor, in the order in which its pieces hold them.
  private func rows(of plan: Plan, _ layouts: [Int]) -> RowList {
    let name = [plan.step] + zip(plan.pieces, layouts).flatMap { [$0.source, $1] }
    if let known = lists.withLock({ $0[name] }) { return known }
    let step = aligned[plan.step]
    let rows = zip(plan.pieces, layouts).flatMap { piece, layout in
      book.layouts[piece.source][layout].rows.compactMap { $0 }.filter(step.rows.contains)
    }
    let held = Set(plan.pieces.map(\.source))
    let lacking = step.sources.filter { !held.contains($0) }
      .flatMap { book.rows[$0].filter(step.rows.contains) }
    let list = RowList(rows, lacking: lacking)
    lists.withLock { $0[name] = list }
    return list
  }

  private func unreadable(_ key: TensorKey, _ reason: String) -> RunError {
    .unreadableTensor(key, path: path, reason: reason)
  }
}

extension TensorRecord {
  /// What a run holds instead of elements; a digest has no rows.
  fileprivate var contentWithoutDigest: Content {
    digest == nil ? content : .notRecorded(reason: "only its digest is kept, which has no rows")
  }
}

extension Tensor {
  /// The same elements with the axes that hold rows made one, in front of all others; a view where
  /// these axes lead and nothing lies between the elements.
  fileprivate func withRowsFirst(axes: [Int]) throws -> Tensor {
    let others = (0..<shape.rank).filter { !axes.contains($0) }
    let order = axes + others
    let rowCount = axes.reduce(1) { $0 * shape.dimensions[$1] }
    let permuted = try Tensor(
      storage: storage, dtype: dtype, shape: Shape(order.map { shape.dimensions[$0] }),
      strides: order.map { strides[$0] }, byteOffset: byteOffset, device: device)
    let whole = permuted.isContiguous ? permuted : permuted.contiguous()
    return try Tensor(
      storage: whole.storage, dtype: dtype,
      shape: Shape([rowCount] + others.map { shape.dimensions[$0] }),
      byteOffset: whole.byteOffset, device: device)
  }

  /// A copy of some entries of the first axis, in the order in which they are named.
  func rows(_ positions: [Int]) throws -> Tensor {
    let size = shape.dimensions[0] == 0 ? 0 : byteCount / shape.dimensions[0]
    let copy = withContiguousBytes { source in
      Storage(byteCount: size * positions.count) { target in
        guard size > 0 else { return }
        for (place, position) in positions.enumerated() {
          UnsafeMutableRawBufferPointer(rebasing: target[place * size..<(place + 1) * size])
            .copyMemory(
              from: UnsafeRawBufferPointer(
                rebasing: source[position * size..<(position + 1) * size]))
        }
      }
    }
    return try Tensor(
      storage: copy, dtype: dtype, shape: Shape([positions.count] + shape.dimensions.dropFirst()),
      device: device)
  }

  /// Tensors one after the other along their first axis; `nil` where the rest differs.
  fileprivate static func joinedRows(_ parts: [Tensor]) throws -> Tensor? {
    guard let first = parts.first else { return nil }
    if parts.count == 1 { return first }
    guard
      parts.allSatisfy({
        $0.dtype == first.dtype
          && $0.shape.dimensions.dropFirst() == first.shape.dimensions.dropFirst()
      })
    else { return nil }
    let bytes = parts.reduce(0) { $0 + $1.byteCount }
    let storage = Storage(byteCount: bytes) { target in
      var start = 0
      for part in parts where part.byteCount > 0 {
        part.copyBytes(
          to: UnsafeMutableRawBufferPointer(rebasing: target[start..<start + part.byteCount]))
        start += part.byteCount
      }
    }
    return try Tensor(
      storage: storage, dtype: first.dtype,
      shape: Shape(
        [parts.reduce(0) { $0 + $1.shape.dimensions[0] }] + first.shape.dimensions.dropFirst()),
      device: first.device)
  }
}
