extension RunComparison {
  /// The logits of one step.
  public struct StepLogits: Sendable {
    /// The step.
    public var step: Int
    /// The module that returned them.
    public var module: ModuleResult
    /// The tensor that holds them.
    public var tensor: TensorResult
    /// What the tokens come to.
    public var difference: LogitsDifference
  }

  /// The logits that were compared, in execution order.
  ///
  /// - Complexity: O(tensors).
  public var logits: [StepLogits] {
    steps.flatMap { step in
      step.modules.flatMap { module in
        module.tensors.compactMap { tensor in
          tensor.difference?.logits.map {
            StepLogits(step: step.index, module: module, tensor: tensor, difference: $0)
          }
        }
      }
    }
  }

  /// The first logits from whose last position greedy decoding takes another token; `nil` when it
  /// nowhere does.
  public var firstOtherToken: StepLogits? {
    logits.first {
      $0.difference.last.map { $0.expectedToken != $0.actualToken } ?? false
    }
  }
}
