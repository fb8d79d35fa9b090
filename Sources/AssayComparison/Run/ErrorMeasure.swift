import AssayTensors

extension TensorResult {
  /// The error by which growth is told: the worst row's relative L2.
  ///
  /// It is infinite where values are not finite on one side only, and `nil` where nothing was
  /// compared. The worst row, since one huge activation hides the rest of a tensor from its norm; of
  /// digests, which have no rows, it is the estimate of the whole tensor's.
  public var error: Double? {
    if let estimate {
      return estimate.differsInNonFinite ? .infinity : estimate.relativeL2?.value
    }
    return difference.flatMap {
      $0.nonFiniteDifferenceCount > 0 ? .infinity : $0.worstRow?.value ?? $0.relativeL2
    }
  }
}

extension TensorResult {
  /// Whether values that were compared are outside the tolerance.
  ///
  /// Of tensors of another dtype figures tell, which are of both converted to one.
  var hasValueError: Bool {
    verdict == .values || verdict == .dtype && difference?.mismatchedCount ?? 0 > 0
  }

  /// Whether it has another shape or dtype, and no values that tell more.
  var hasFormErrorOnly: Bool { verdict.isDivergence && !hasValueError }
}

extension ModuleResult {
  /// The largest ``TensorResult/error`` of the inputs; `nil` without compared inputs.
  public var inputError: Double? { inputs.compactMap(\.error).max() }
  /// The largest ``TensorResult/error`` of everything but the inputs; `nil` if none was compared.
  public var outputError: Double? { results.compactMap(\.error).max() }

  var inputs: [TensorResult] { tensors.filter { $0.slot.side == .inputs } }
  var results: [TensorResult] { tensors.filter { $0.slot.side != .inputs } }
}
