public import AssayTensors

/// Reads one recorded run, whatever its layout.
public protocol RunReader: Sendable {
  /// The directory or file that holds the run.
  var path: String { get }
  /// What the run says about itself.
  var manifest: RunManifest { get }
  /// The completed steps, ascending.
  var steps: [StepRecord] { get }

  /// Reads one tensor; large ones are memory-mapped, not copied.
  ///
  /// - Parameter key: The key of a ``TensorRecord`` of this run that was not skipped.
  /// - Throws: ``RunError/unreadableTensor(_:path:reason:)``.
  func tensor(_ key: TensorKey) throws -> Tensor
}

extension RunReader {
  /// How many of its tensors the run has as digests only.
  public var digestCount: Int {
    steps.reduce(0) { count, step in
      step.calls.reduce(count) { $0 + $1.tensors.count { $0.digest != nil } }
    }
  }
}

/// Writes one run.
///
/// Calls come from one thread at a time, in the order of the protocol.
public protocol RunWriter: AnyObject, Sendable {
  /// Where the run is written.
  var path: String { get }

  /// Begins a step; steps come in ascending order.
  func beginStep(_ step: Int) throws

  /// Writes one side of one module call of the step that was begun.
  func write(_ part: CallPart) throws

  /// Completes a step: from now on it survives a crash of the process.
  ///
  /// - Parameters:
  ///   - step: The step that was begun.
  ///   - calls: The calls of the step, in pre-forward order.
  ///   - completionOrder: Positions in `calls` in completion order.
  ///   - isOrderRecorded: Whether these orders are those of the execution.
  func endStep(
    _ step: Int, calls: [ModuleCall], completionOrder: [Int], isOrderRecorded: Bool
  ) throws

  /// Forgets a step that was begun and not ended, which may then begin again.
  func discardStep(_ step: Int) throws

  /// Completes the run and closes it.
  ///
  /// - Parameter manifest: What the run says about itself, now that it is over.
  func finish(_ manifest: RunManifest) throws
}

extension RunWriter {
  /// Completes a step whose order was recorded.
  public func endStep(_ step: Int, calls: [ModuleCall], completionOrder: [Int]) throws {
    try endStep(step, calls: calls, completionOrder: completionOrder, isOrderRecorded: true)
  }
}
