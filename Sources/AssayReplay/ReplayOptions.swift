public import AssayComparison
public import AssayTensors

/// How a model is replayed against a golden.
public struct ReplayOptions: Sendable {
  /// The rule under which two tensors are close.
  public var tolerance: Tolerance = .vllm
  /// Whether every module is given the golden's inputs, so that none inherits another's error.
  public var isIsolated = false
  /// Whether the model is stopped at the first tensor that fails; a replay that is copied runs on.
  public var stopsAtFirstDivergence = false
  /// How many failing tensors, in execution order, get the figures that cost a second pass.
  public var detailLimit = 50
  /// Devices of the model that pair with devices of another name in the golden.
  public var deviceMap: [(actual: Device, expected: Device)] = []
  /// By which rules the model's tensors pair with those of a golden whose modules differ.
  ///
  /// The model is then recorded to a temporary file and compared when it is done. So it can neither
  /// be isolated nor stopped at its first divergence, and its run not become the golden.
  public var mapping: Mapping?

  /// Makes options with vLLM's default tolerance.
  public init() {}
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
    var options = ComparisonOptions(
      tolerance: tolerance, deviceMap: deviceMap, detailLimit: detailLimit)
    options.isIsolated = isIsolated
    options.mapping = mapping
    return options
  }
}
