extension RunComparison {
  /// The logits of one step.
  package struct StepLogits: Sendable {
    /// The step.
    package var step: Int
    /// The module that returned them.
    package var module: ModuleResult
    /// The tensor that holds them.
    package var tensor: TensorResult
    /// What the tokens come to.
    package var difference: LogitsDifference
  }

  /// The logits that were compared, in execution order.
  ///
  /// - Complexity: O(tensors).
  package var logits: [StepLogits] {
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
  package var firstOtherToken: StepLogits? {
    logits.first {
      $0.difference.last.map { $0.expectedToken != $0.actualToken } ?? false
    }
  }
}
