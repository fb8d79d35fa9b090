import AssayRuns
public import AssayTensors

/// One step of the comparison.
public struct StepResult: Sendable, Equatable {
  /// The forward pass of the root module, from 0.
  public var index: Int
  /// Which of the runs has it.
  public var presence: Presence
  /// The module calls in completion order: children before the parent that contains them.
  public var modules: [ModuleResult]

  /// What comparing it came to.
  ///
  /// - Complexity: O(tensors).
  public var verdict: Verdict { Verdict(presence, parts: modules.lazy.map { $0.verdict }) }
}

/// One module call of the comparison.
public struct ModuleResult: Sendable, Equatable {
  /// The call.
  public var call: CallKey
  /// Which of the runs has it.
  public var presence: Presence
  /// Where a failing call's error comes from; `nil` for a call that does not fail by values.
  public var origin: ErrorOrigin?
  /// The tensors: inputs, outputs, inputs after the forward.
  public var tensors: [TensorResult]

  /// What comparing it came to.
  ///
  /// - Complexity: O(tensors).
  public var verdict: Verdict { Verdict(presence, parts: tensors.lazy.map { $0.verdict }) }
}

extension ModuleResult {
  /// The largest ``TensorResult/error`` of the inputs; `nil` without compared inputs.
  package var inputError: Double? { inputs.compactMap(\.error).max() }
  /// The largest ``TensorResult/error`` of everything but the inputs; `nil` if none was compared.
  package var outputError: Double? { results.compactMap(\.error).max() }

  var inputs: [TensorResult] { tensors.filter { $0.slot.side == .inputs } }
  var results: [TensorResult] { tensors.filter { $0.slot.side != .inputs } }
}
