package import AssayCapture
package import AssayComparison
package import AssayRuns
import AssayTensors
import Foundation
import Synchronization

/// Runs a model against a golden: every tensor that it announces is compared as it is captured, and
/// dropped.
///
/// ```swift
/// let comparison = try Replay.run(golden) { probe in
///   try model.generate(from: probe.recipe.tokenIDs, steps: probe.recipe.steps, probe: probe)
/// }
/// ```
/// What differs is in the comparison, and so is a model that ran no step, announced nothing, or ran
/// on behind the golden's last step: none of them is a match. What the model throws is thrown.
package final class Replay: Sendable {
  private let golden: any RunReader
  private let options: ReplayOptions
  private let sink: ReplaySink
  private let recorder: Recorder
  /// Where the run is until it is compared, if there is a mapping.
  private let temporary: TemporaryRun?
  private let state = Mutex(State.running)

  private enum State {
    case running
    case finished
    /// Finished, with a copy that holds the whole run.
    case copied(any RunSink)
    /// Finished, without a whole copy, for a reason to be told if one is committed all the same.
    case notCopied(reason: String)
  }

  /// What may wait to be compared; a tensor that is larger waits alone.
  private static let queueByteLimit = 16 << 20

  /// Begins a replay.
  ///
  /// - Parameters:
  ///   - golden: The run that the model is to reproduce.
  ///   - options: Under which rules.
  ///   - writer: Receives everything that is captured too, and the run's end from
  ///     ``commitCopy(_:)``; otherwise it is let go, and a golden's writer then leaves nothing behind.
  ///     A replay that is copied is not stopped at its first divergence.
  /// - Throws: ``ReplayError/isolatedCopy``, ``ReplayError/isolatedFixture(path:)``, and ``AssayCapture/CaptureError`` for a golden whose
  ///   configuration cannot be read.
  package init(
    golden: any RunReader, options: ReplayOptions = .init(),
    copyingTo writer: (any RunSink)? = nil
  ) throws {
    guard writer == nil || !options.isIsolated else { throw ReplayError.isolatedCopy }
    try options.checkMapping(isCopied: writer != nil)
    let digestCount = golden.digestCount
    guard !options.isIsolated || digestCount == 0 else {
      throw ReplayError.isolatedDigests(path: golden.path, count: digestCount)
    }
    guard !options.isIsolated || !golden.manifest.isFixture else {
      throw ReplayError.isolatedFixture(path: golden.path)
    }
    self.golden = golden
    self.options = options
    let source = GoldenTensorSource(
      golden, deviceMap: options.deviceMap, mapping: options.mapping)
    let manifest = RunManifest(
      id: UUID().uuidString.lowercased(), isComplete: false, provenance: .current(),
      recipe: golden.manifest.recipe)
    var configuration = try Replay.configuration(for: golden, options.deviceMap)
    if options.mapping != nil {
      // The golden's patterns are made for its own names.
      configuration.modules = ModuleFilter()
      temporary = try TemporaryRun(manifest)
    } else {
      temporary = nil
    }
    sink = ReplaySink(
      temporary == nil
        ? LiveComparison(expected: golden, options: options.comparisonOptions) : nil,
      stopsAtFirstDivergence: options.stopsAtFirstDivergence && writer == nil,
      copy: temporary?.writer ?? writer, keep: temporary == nil ? configuration.keep : .full)
    recorder = Recorder(
      configuration: configuration, sink: sink, manifest: manifest,
      substituting: options.isIsolated ? source : nil, goldenInputs: source,
      queueByteLimit: Replay.queueByteLimit)
  }

  /// What the model announces its module calls to.
  package var probe: Probe { recorder.probe }

  /// Ends the replay.
  ///
  /// - Parameters:
  ///   - error: What the model threw, if it did.
  ///   - provenance: What computed the model; this process and machine unless it is given.
  /// - Returns: What the comparison came to: also of a model that was stopped, and a failure for one
  ///   that recorded nothing.
  /// - Throws: `error`, unless the replay itself stopped the model; ``ReplayError/finished``;
  ///   ``AssayCapture/CaptureError/stepUnderWay(step:)`` while a task of the model is still running;
  ///   a writer's error. Then nothing is left of a copy.
  package func finish(
    after error: (any Error)? = nil, provenance: Provenance? = nil
  ) throws -> RunComparison {
    try state.withLock { state throws(ReplayError) in
      guard case .running = state else { throw .finished }
      state = .notCopied(reason: "the replay failed")
    }
    // Whatever is thrown from here on, nothing keeps the writer of a copy alive.
    defer { sink.releaseCopy() }
    // The model may have failed by itself before it could be told to stop.
    try? recorder.waitForSink()
    if let error, !sink.hasStopped { throw error }
    let ending: RunEnding
    do {
      if !sink.hasStopped {
        try recorder.finish { $0.provenance = provenance ?? $0.provenance }
      }
      ending = sink.hasStopped ? .stopped : .complete
    } catch CaptureError.nothingRecorded(let reason) {
      ending = .nothing(reason: reason)
    }
    var comparison = try comparison(ending, provenance)
    if let error, !(error is FirstDivergenceReached) {
      comparison.notes.append("after it was told to stop, the model threw: \(error)")
    }
    keepCopy(ending)
    return comparison
  }

  /// Completes the copy, which then is a run of its own.
  ///
  /// - Parameter update: Adds to the copy's manifest: approvals, another recipe.
  /// - Throws: ``ReplayError/notFinished``, ``ReplayError/noCopy``,
  ///   ``ReplayError/incompleteCopy(reason:)``, or the writer's error; then there is no copy.
  package func commitCopy(_ update: (inout RunManifest) -> Void = { _ in }) throws {
    let writer = try state.withLock { state throws(ReplayError) -> any RunSink in
      switch state {
      case .running: throw .notFinished
      case .finished: throw .noCopy
      case .notCopied(let reason): throw .incompleteCopy(reason: reason)
      case .copied(let writer):
        state = .finished
        return writer
      }
    }
    var manifest = recorder.manifest
    update(&manifest)
    manifest.isComplete = true
    try writer.receive(.runEnded(manifest))
  }

  /// Lets go of the copy now, instead of when the replay itself goes.
  package func discardCopy() {
    sink.releaseCopy()
    state.withLock { state in
      if case .running = state { return }
      state = .finished
    }
  }
}

// MARK: - The end

extension Replay {
  private func comparison(
    _ ending: RunEnding, _ provenance: Provenance?
  ) throws -> RunComparison {
    var manifest = recorder.manifest
    // What a replay lacks is said by its ending, not by a recording that was cut.
    manifest.isComplete = true
    if let provenance { manifest.provenance = provenance }
    var comparison = try compared(ending, manifest)
    if ending == .complete { addExtraSteps(to: &comparison) }
    addNotes(to: &comparison)
    return comparison
  }

  private func compared(
    _ ending: RunEnding, _ manifest: RunManifest
  ) throws -> RunComparison {
    let path = "live replay"
    if let comparison = sink.comparison {
      return try comparison.finish(path: path, manifest: manifest, ending: ending)
    }
    var options = options.comparisonOptions
    guard let temporary, ending == .complete else {
      // Nothing was recorded, so there is nothing to map.
      options.mapping = nil
      return try LiveComparison(expected: golden, options: options)
        .finish(path: path, manifest: manifest, ending: ending)
    }
    _ = sink.takeCopy()
    options.countsLoneCall = try Replay.loneCalls(of: golden)
    var comparison = try RunComparison.compare(
      actual: try temporary.finish(manifest), expected: golden, options: options)
    comparison.actual.path = path
    return comparison
  }

  /// Fails a model that ran on behind the golden's last step, recorded or not.
  private func addExtraSteps(to comparison: inout RunComparison) {
    let recorded = (golden.steps.map(\.index).max() ?? -1) + 1
    // Without a recipe it is known only where every step was recorded.
    let known = golden.manifest.recipe?.steps ?? (recordsAllSteps ? recorded : nil)
    guard let known else { return }
    let expected = max(known, recorded)
    guard recorder.stepCount > expected else { return }
    // The comparison knows the recorded steps only.
    comparison.failures.removeAll { if case .extraSteps = $0 { true } else { false } }
    comparison.failures.append(.extraSteps(ran: recorder.stepCount, expected: expected))
  }

  private var recordsAllSteps: Bool {
    recorder.configuration.steps.isEmpty && !golden.manifest.isFixture
  }

  private func addNotes(to comparison: inout RunComparison) {
    if let note = comparison.deviceNote { comparison.notes.append(note) }
    guard options.isIsolated else { return }
    let skipped = golden.steps.reduce(0) { count, step in
      count + step.calls.reduce(0) { $0 + $1.tensors.count { !$0.isStored } }
    }
    guard skipped > 0 else { return }
    comparison.notes.append(
      "the golden was recorded without the elements of \(skipped) tensors; modules were given the "
        + "model's own in their place")
  }

  /// Keeps a copy that is whole for ``commitCopy(_:)``.
  private func keepCopy(_ ending: RunEnding) {
    let writer = temporary == nil ? sink.takeCopy() : nil
    state.withLock { state in
      switch (ending, writer) {
      case (.complete, let writer?): state = .copied(writer)
      case (.nothing(let reason), .some):
        state = .notCopied(reason: "nothing was recorded: \(reason)")
      default: state = .finished
      }
    }
  }
}
