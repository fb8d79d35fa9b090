package import AssayTensors

/// The dtype and shape of a tensor.
package struct TensorForm: Sendable, Equatable, Codable {
  /// The element type.
  package var dtype: DType
  /// The extents.
  package var shape: Shape
}

/// Whether the figures of two tensors are within what is allowed.
package enum Judgement: Sendable, Equatable, Codable {
  /// They are.
  case match
  /// They are not; there is a reason where more decided than elements outside of rtol and atol.
  case mismatch(reason: String?)

  var reason: String? { if case .mismatch(let reason) = self { reason } else { nil } }
}

/// What two tensors of a pair came to, with what was seen of them.
///
/// Forms are those of the expected tensor, or of the only side that is known. Reasons are sentences
/// without a full stop.
///
/// What holds figures is indirect: there are as many outcomes as tensors, and they are handed on.
package enum Outcome: Sendable, Equatable, Codable {
  /// The elements of both were compared.
  indirect case compared(TensorForm, Difference, Judgement, TensorDetail? = nil)
  /// A side has no elements but a digest, which tells whether they are equal or about how far apart.
  indirect case estimated(TensorForm, DigestEstimate, Judgement)
  /// The shapes differ, and perhaps the dtypes too.
  case reshaped(TensorForm, reason: String)
  /// The dtypes differ; the figures, where there are any, are of both converted to one dtype.
  indirect case retyped(TensorForm, reason: String, Difference? = nil, TensorDetail? = nil)
  /// Only the expected run has it, or the actual run skipped it.
  case missingInActual(TensorForm?, reason: String)
  /// Only the actual run has it, or the expected run skipped it.
  case missingInExpected(TensorForm?, reason: String)
  /// One of the two could not be read.
  case unreadable(TensorForm? = nil, reason: String)
  /// The module had it, and a run could not record it.
  case notRecorded(reason: String)
  /// Both runs have it, and no row of it is one that both computed.
  case notComputed(TensorForm, reason: String)
  /// The ranks of a group do not hold it as its placement says, or nothing says how.
  case misplaced(TensorForm?, reason: String)
  /// Ranks of a group that were to hold the same do not.
  case differingReplicas(reason: String)
  /// Both runs skipped it.
  case skipped(TensorForm, reason: String)
}

extension Outcome {
  /// What it comes to.
  package var verdict: Verdict {
    switch self {
    case .compared(_, _, .match, _), .estimated(_, _, .match): .match
    case .compared, .estimated: .values
    case .reshaped: .shape
    case .retyped: .dtype
    case .missingInActual: .missingInActual
    case .missingInExpected: .missingInExpected
    case .unreadable: .unreadable
    case .notRecorded: .notRecorded
    case .notComputed: .notComputed
    case .misplaced: .placement
    case .differingReplicas: .replicas
    case .skipped: .skipped
    }
  }

  /// Why: always where it is neither a match nor a difference of values, and where more decided than
  /// elements outside of rtol and atol.
  package var reason: String? {
    switch self {
    case .compared(_, _, let judgement, _), .estimated(_, _, let judgement): judgement.reason
    case .reshaped(_, let reason), .retyped(_, let reason, _, _),
      .missingInActual(_, let reason), .missingInExpected(_, let reason),
      .unreadable(_, let reason), .notRecorded(let reason), .notComputed(_, let reason),
      .misplaced(_, let reason), .differingReplicas(let reason), .skipped(_, let reason):
      reason
    }
  }

  /// The expected tensor's dtype and shape, or those of the only side that is known.
  package var form: TensorForm? {
    switch self {
    case .compared(let form, _, _, _), .estimated(let form, _, _), .reshaped(let form, _),
      .retyped(let form, _, _, _), .notComputed(let form, _), .skipped(let form, _):
      form
    case .missingInActual(let form, _), .missingInExpected(let form, _), .unreadable(let form, _),
      .misplaced(let form, _):
      form
    case .notRecorded, .differingReplicas: nil
    }
  }

  /// The figures, where elements were compared.
  package var difference: Difference? {
    switch self {
    case .compared(_, let difference, _, _): difference
    case .retyped(_, _, let difference, _): difference
    default: nil
    }
  }

  /// What digests tell of the difference, where a side has no elements.
  package var estimate: DigestEstimate? {
    if case .estimated(_, let estimate, _) = self { estimate } else { nil }
  }

  /// What further passes show, for the first failing tensors.
  package internal(set) var detail: TensorDetail? {
    get {
      switch self {
      case .compared(_, _, _, let detail), .retyped(_, _, _, let detail): detail
      default: nil
      }
    }
    set {
      switch self {
      case .compared(let form, let difference, let judgement, _):
        self = .compared(form, difference, judgement, newValue)
      case .retyped(let form, let reason, let difference, _):
        self = .retyped(form, reason: reason, difference, newValue)
      default: break
      }
    }
  }

  /// Says in other words why a tensor is missing; any other outcome stays as it is.
  package mutating func explainMissing(_ text: String) {
    switch self {
    case .missingInActual(let form, _): self = .missingInActual(form, reason: text)
    case .missingInExpected(let form, _): self = .missingInExpected(form, reason: text)
    default: break
    }
  }
}
