import AssayCapture
import AssayComparison
import AssayRuns
import Synchronization

/// What stops a model at its first divergence; thrown through the model by its probe.
struct FirstDivergenceReached: Error, CustomStringConvertible {
  var description: String { "the replay was stopped at its first divergence, as it was asked to" }
}

/// Hands what a recorder captures to a live comparison, and to the writer of a copy.
final class ReplaySink: RunSink {
  /// `nil` where the copy is compared when the model is done.
  let comparison: LiveComparison?
  private let stopsAtFirstDivergence: Bool
  /// What the copy keeps of its tensors.
  private let keep: TensorKeep
  private let state: Mutex<State>

  private struct State {
    var copy: (any RunSink)?
    var hasStopped = false
  }

  init(
    _ comparison: LiveComparison?, stopsAtFirstDivergence: Bool, copy: (any RunSink)?,
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
  func takeCopy() -> (any RunSink)? {
    state.withLock { state in
      defer { state.copy = nil }
      return state.copy
    }
  }

  /// Lets go of the writer: one of a golden then removes its temporary file.
  func releaseCopy() {
    _ = takeCopy()
  }

  func receive(_ event: RunEvent) throws {
    // A copy's run ends only when it is committed.
    if case .runEnded = event { return }
    let matches = comparison?.receive(event) ?? true
    try state.withLock { state in
      try state.copy?.receive(event.keeping(keep))
      guard !matches, stopsAtFirstDivergence else { return }
      state.hasStopped = true
      throw FirstDivergenceReached()
    }
  }
}
