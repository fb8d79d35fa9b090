package import AssayTensors

/// What happens while a run is recorded, replayed or copied.
package enum RunEvent: Sendable {
  /// A step begins; steps come in ascending order, and one that was discarded may begin again.
  case stepBegan(Int)

  /// One side of a module call of the step under way is there.
  case captured(CallPart)

  /// The step under way is whole.
  ///
  /// Its calls come in pre-forward order, with their positions in completion order, with whether
  /// these orders are those of the execution, and with what is known of its rows.
  case stepEnded(
    Int, calls: [CallKey], completionOrder: [Int], isOrderRecorded: Bool = true,
    rows: StepRows? = nil)

  /// The step under way is to be forgotten, because the model's forward failed.
  case stepDiscarded(Int)

  /// The run is over, and this is what it says about itself.
  case runEnded(RunManifest)
}

/// Receives a run, event by event: writes it, or compares it as it comes and keeps nothing.
package protocol RunSink: AnyObject, Sendable {
  /// Receives the next event; events come from one thread at a time, which need not be the model's.
  ///
  /// A writer has a step on the disk, whole, when it has received the step's end, and the run when
  /// it has received the run's.
  func receive(_ event: RunEvent) throws

  /// The files and directories that are written; none by default.
  var paths: [String] { get }
}

extension RunSink {
  /// Nothing is written.
  package var paths: [String] { [] }
}
