package import AssayComparison
package import AssayTensors

/// How a model is replayed against a golden.
package struct ReplayOptions: Sendable {
  /// The rule under which two tensors are close.
  package var tolerance: Tolerance = .vllm
  /// Whether every module is given the golden's inputs, so that none inherits another's error.
  package var isIsolated = false
  /// Whether the model is stopped at the first tensor that fails; a replay that is copied runs on.
  package var stopsAtFirstDivergence = false
  /// How many failing tensors, in execution order, get the figures that cost a second pass.
  package var detailLimit = 50
  /// Devices of the model that pair with devices of another name in the golden.
  package var deviceMap: [(actual: Device, expected: Device)] = []
  /// By which rules the model's tensors pair with those of a golden whose modules differ.
  ///
  /// The model is then recorded to a temporary file and compared when it is done. So it can neither
  /// be isolated nor stopped at its first divergence, and its run not become the golden.
  package var mapping: Mapping?

  /// Makes options with vLLM's default tolerance.
  package init() {}
}

extension ReplayOptions {
  /// Refuses what a mapping has no place in.
  func checkMapping(isCopied: Bool) throws(ReplayError) {
    guard mapping != nil else { return }
    if isIsolated { throw .notWithMapping("isolated") }
    if stopsAtFirstDivergence { throw .notWithMapping("stopped at its first divergence") }
    if isCopied { throw .notWithMapping("recorded as the golden") }
  }

  /// What a comparison is told.
  var comparisonOptions: ComparisonOptions {
    ComparisonOptions(
      ComparisonOptions(tolerance: tolerance, deviceMap: deviceMap, mapping: mapping),
      detailLimit: detailLimit, isIsolated: isIsolated)
  }
}
