public import AssayRuns

/// Where a recorder hands its calls: run writers, or a live comparison that keeps nothing.
///
/// All methods are called from one thread, which is not the model's.
public protocol CallSink: AnyObject, Sendable {
  /// Begins a step; one that was discarded may begin again.
  func beginStep(_ step: Int) throws

  /// Receives one side of a module call of the step under way.
  func receive(_ part: CallPart) throws

  /// Completes the step under way.
  ///
  /// - Parameters:
  ///   - step: The step.
  ///   - calls: The recorded calls, in the order in which they began.
  ///   - completionOrder: Positions in `calls`, in the order in which they completed.
  func endStep(_ step: Int, calls: [ModuleCall], completionOrder: [Int]) throws

  /// Forgets the step under way, because the model's forward failed.
  func discardStep(_ step: Int) throws

  /// Completes the run.
  func finish(_ manifest: RunManifest) throws
}

/// Hands every call to some run writers, with what is to be kept of its tensors.
final class RunSink: CallSink {
  private let writers: [any RunWriter]
  private let keep: TensorKeep

  init(_ writers: [any RunWriter], keep: TensorKeep) {
    self.writers = writers
    self.keep = keep
  }

  func beginStep(_ step: Int) throws {
    for writer in writers { try writer.beginStep(step) }
  }

  func receive(_ part: CallPart) throws {
    let kept = part.keeping(keep)
    for writer in writers { try writer.write(kept) }
  }

  func endStep(_ step: Int, calls: [ModuleCall], completionOrder: [Int]) throws {
    for writer in writers {
      try writer.endStep(step, calls: calls, completionOrder: completionOrder)
    }
  }

  func discardStep(_ step: Int) throws {
    for writer in writers { try writer.discardStep(step) }
  }

  func finish(_ manifest: RunManifest) throws {
    for writer in writers { try writer.finish(manifest) }
  }
}
