import AssayCapture
import AssayComparison
import AssayRuns
import Synchronization

/// What stops a model at its first divergence; thrown through the model by its probe.
struct FirstDivergenceReached: Error, CustomStringConvertible {
  var description: String { "the replay was stopped at its first divergence, as it was asked to" }
}

/// Hands what a recorder captures to a live comparison, and to the writer of a copy.
final class ReplaySink: CallSink {
  /// `nil` where the copy is compared when the model is done.
  let comparison: LiveComparison?
  private let stopsAtFirstDivergence: Bool
  /// What the copy keeps of its tensors.
  private let keep: TensorKeep
  private let state: Mutex<State>

  private struct State {
    var copy: (any RunWriter)?
    var hasStopped = false
  }

  init(
    _ comparison: LiveComparison?, stopsAtFirstDivergence: Bool, copy: (any RunWriter)?,
    keep: TensorKeep
  ) {
    self.comparison = comparison
    self.keep = keep
    self.stopsAtFirstDivergence = stopsAtFirstDivergence
    state = Mutex(State(copy: copy))
  }

  /// Whether the model was told to stop, whatever it made of that.
  var hasStopped: Bool { state.withLock { $0.hasStopped } }

  /// Hands out the writer, which from now on receives nothing more.
  func takeCopy() -> (any RunWriter)? {
    state.withLock { state in
      defer { state.copy = nil }
      return state.copy
    }
  }

  /// Lets go of the writer: one of a golden then removes its temporary file.
  func releaseCopy() {
    _ = takeCopy()
  }

  func beginStep(_ step: Int) throws {
    comparison?.beginStep(step)
    try state.withLock { try $0.copy?.beginStep(step) }
  }

  func receive(_ part: CallPart) throws {
    let matches = comparison?.receive(part) ?? true
    try state.withLock { state in
      try state.copy?.write(part.keeping(keep))
      try stop(&state, unless: matches)
    }
  }

  func endStep(_ step: Int, calls: [ModuleCall], completionOrder: [Int]) throws {
    let matches =
      comparison?.endStep(step, calls: calls, completionOrder: completionOrder) ?? true
    try state.withLock { state in
      try state.copy?.endStep(step, calls: calls, completionOrder: completionOrder)
      try stop(&state, unless: matches)
    }
  }

  func discardStep(_ step: Int) throws {
    comparison?.discardStep(step)
    try state.withLock { try $0.copy?.discardStep(step) }
  }

  private func stop(_ state: inout State, unless matches: Bool) throws {
    guard !matches, stopsAtFirstDivergence else { return }
    state.hasStopped = true
    throw FirstDivergenceReached()
  }

  /// A copy is finished only when it is committed.
  func finish(_ manifest: RunManifest) {}
}
