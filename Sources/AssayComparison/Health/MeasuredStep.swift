package import AssayRuns
package import AssayTensors

/// A step of a run whose tensors were measured and let go.
package struct MeasuredStep: Sendable {
  var index: Int
  /// The calls in pre-forward order.
  var calls: [MeasuredCall]
  /// Positions in `calls`, in completion order.
  var completionOrder: [Int]
  var isOrderRecorded = true

  /// Puts together what was measured while a model ran.
  package init(index: Int, calls: [MeasuredCall], completionOrder: [Int]) {
    self.index = index
    self.calls = calls
    self.completionOrder = completionOrder
  }

  init(_ record: StepRecord, calls: [MeasuredCall]) {
    self.init(index: record.index, calls: calls, completionOrder: record.completionOrder)
    isOrderRecorded = record.isOrderRecorded
  }
}

/// One call of a measured step.
package struct MeasuredCall: Sendable {
  var call: CallKey
  var inputCoverage = InputCoverage.all
  package var tensors: [MeasuredTensor] = []

  /// Makes a call without tensors.
  package init(call: CallKey) {
    self.call = call
  }

  var inputs: [MeasuredTensor] { tensors.filter { $0.key.slot.side == .inputs } }
  var outputs: [MeasuredTensor] { tensors.filter { $0.key.slot.side != .inputs } }
}

/// What was found of one tensor.
package struct MeasuredTensor: Sendable {
  var key: TensorKey
  var outcome: Outcome

  enum Outcome: Sendable {
    /// Its elements, or a digest of them, were counted.
    case measured(HealthFinding.Figures, HealthSigns)
    /// Nothing but a note was recorded.
    case skipped(reason: String)
    /// The module had it, and the recorder could not record it.
    case notRecorded(reason: String)
    case unreadable(reason: String)
  }

  /// Measures a tensor.
  package init(_ tensor: Tensor, key: TensorKey) {
    self.init(key, tensor.dtype, tensor.shape, TensorCensus(of: tensor), tensor)
  }

  /// Takes over what a note tells of a tensor that was not written.
  package init(_ note: SkippedTensor, key: TensorKey) {
    if let digest = note.digest {
      self.init(key, note.dtype, note.shape, TensorCensus(of: digest), nil)
    } else {
      self.init(key: key, outcome: .skipped(reason: note.reason))
    }
  }

  private init(
    _ key: TensorKey, _ dtype: DType, _ shape: Shape, _ census: TensorCensus, _ tensor: Tensor?
  ) {
    let figures = HealthFinding.Figures(
      slot: key.slot, device: key.device, dtype: dtype, shape: shape, census: census)
    self.init(
      key: key,
      outcome: .measured(figures, HealthSigns(figures, module: key.module, tensor: tensor)))
  }

  /// Takes over why a tensor could not be recorded.
  package init(notRecorded reason: String, key: TensorKey) {
    self.init(key: key, outcome: .notRecorded(reason: reason))
  }

  /// Reads and measures a tensor of a run.
  init(_ record: TensorRecord, of run: any RunReader) {
    if let reason = record.notRecorded {
      self.init(notRecorded: reason, key: record.key)
      return
    }
    if let note = record.skipped {
      self.init(note, key: record.key)
      return
    }
    do {
      let tensor = try run.tensor(record.key)
      self.init(tensor, key: record.key)
      try tensor.checkUnchanged()
    } catch {
      self.init(key: record.key, outcome: .unreadable(reason: "\(error)"))
    }
  }

  private init(key: TensorKey, outcome: Outcome) {
    self.key = key
    self.outcome = outcome
  }

  var figures: HealthFinding.Figures? {
    if case .measured(let figures, _) = outcome { figures } else { nil }
  }

  var signs: HealthSigns? {
    if case .measured(_, let signs) = outcome { signs } else { nil }
  }

  var kinds: HealthKinds { signs?.kinds ?? [] }

  var isDead: Bool { !kinds.isDisjoint(with: .dead) }

  func shows(_ kind: HealthKind) -> Bool { kinds.contains(.only(kind)) }

  /// Makes it alive again: in another step it is.
  mutating func clearDead() {
    guard case .measured(let figures, var signs) = outcome else { return }
    signs.kinds.subtract(.dead)
    outcome = .measured(figures, signs)
  }
}
