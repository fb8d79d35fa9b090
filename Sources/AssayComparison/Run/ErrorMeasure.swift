import AssayRuns
import AssayTensors

extension TensorResult {
  /// The error by which growth is told: the worst row's relative L2.
  ///
  /// It is infinite where values are not finite on one side only, and `nil` where nothing was
  /// compared. Of digests it is the estimate of the whole tensor's. The worst row, since one huge activation hides the rest of a tensor from its norm.
  public var error: Double? {
    if let estimate {
      let (a, e) = (estimate.actualStatistics, estimate.expectedStatistics)
      let isAlike = a.nanCount == e.nanCount && a.infCount == e.infCount
      return isAlike ? estimate.relativeL2?.value : .infinity
    }
    return difference.flatMap {
      $0.nonFiniteDifferenceCount > 0 ? .infinity : $0.worstRow?.value ?? $0.relativeL2
    }
  }
}

extension ModuleResult {
  /// The largest ``TensorResult/error`` of the inputs; `nil` without compared inputs.
  public var inputError: Double? { inputs.compactMap(\.error).max() }
  /// The largest ``TensorResult/error`` of everything but the inputs; `nil` if none was compared.
  public var outputError: Double? { results.compactMap(\.error).max() }

  var inputs: [TensorResult] { tensors.filter { $0.slot.side == .inputs } }
  var results: [TensorResult] { tensors.filter { $0.slot.side != .inputs } }
}
