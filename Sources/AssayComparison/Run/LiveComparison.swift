public import AssayRuns
import AssayTensors
import Synchronization

/// Compares tensors as a run produces them and keeps only the figures.
///
/// It comes to what ``RunComparison/compare(actual:expected:options:progress:)`` comes to for the
/// written run. Parts of several calls may be received at once; they are judged in parallel.
public final class LiveComparison: Sendable {
  /// How a run came to its end.
  public enum Ending: Sendable, Hashable {
    /// It did all it was to do.
    case complete
    /// It was stopped at its first divergence: only what was reached is judged.
    case stopped
    /// The model announced nothing.
    case nothing(reason: String)
  }

  private let expected: any RunReader
  private let options: ComparisonOptions
  private let judge: PairJudge
  private let references: LiveReferences
  private let state = Mutex(LiveSteps())

  /// Makes a comparison that waits for the first step.
  ///
  /// - Parameters:
  ///   - expected: The reference, which is read tensor by tensor as the actual ones arrive.
  ///   - options: What is compared, and under which rules.
  public init(expected: any RunReader, options: ComparisonOptions = .init()) {
    self.expected = expected
    self.options = options
    judge = PairJudge(expected: expected, options: options)
    references = LiveReferences(expected, options)
  }

  /// Judges what happened.
  ///
  /// A step that begins again, or is discarded, is forgotten, whether it ended or not.
  ///
  /// - Returns: Whether it is as in the expected run: a part has all its tensors there, and they
  ///   match; a step has all its calls and tensors, and no others. `true` for what is not compared.
  @discardableResult
  public func receive(_ event: RunEvent) -> Bool {
    switch event {
    case .stepBegan(let step): state.withLock { $0.begin(step) }
    case .captured(let part): return judge(part)
    case .stepEnded(let step, let calls, let completionOrder, let isOrderRecorded):
      let record = state.withLock {
        $0.end(
          step, calls: calls, completionOrder: completionOrder, isOrderRecorded: isOrderRecorded)
      }
      return references.isAllThere(record)
    case .stepDiscarded(let step): state.withLock { $0.discard(step) }
    case .runEnded: break
    }
    return true
  }

  private func judge(_ part: CallPart) -> Bool {
    let call = references.call(part.call, step: part.step)
    let isCompared =
      (call != nil || references.selects(part.call, step: part.step))
      && options.sides?.contains(part.side) ?? true
    guard isCompared else {
      _ = state.withLock { $0.add(part, results: []) }
      return true
    }
    var passes = call != nil
    var missing = Set((call ?? [:]).keys.filter { $0.slot.side == part.side })
    var results: [(TensorKey, TensorResult)] = []
    for captured in part.tensors {
      let record = part.record(of: captured)
      let name = references.name(of: record.key)
      missing.remove(name)
      guard let reference = call?[name] else {
        passes = false
        continue
      }
      let result = judged(captured, record, reference, name)
      passes = passes && !result.verdict.isFailure
      results.append((record.key, result))
    }
    let isNew = state.withLock { $0.add(part, results: results) }
    return passes && isNew && missing.isEmpty
  }

  private func judged(
    _ captured: CapturedTensor, _ record: TensorRecord, _ reference: LiveReferences.Tensor,
    _ name: LiveReferences.Name
  ) -> TensorResult {
    let pair = RunPairing.Pair(
      slot: name.slot, device: name.device, actual: record, expected: reference.record)
    func actual(_ key: TensorKey) throws -> Tensor {
      guard case .stored(_, let tensor) = captured else {
        throw RunError.unreadableTensor(key, path: "", reason: "it was skipped")
      }
      return tensor
    }
    var result = judge.judge(pair, actual: actual)
    guard result.isWorthDetail else { return result }
    let isDetailed = state.withLock {
      $0.addFailure(rank: reference.rank, step: record.key.step, limit: options.detailLimit)
    }
    if isDetailed { result.detail = judge.detail(pair, result, actual: actual) }
    return result
  }

  /// Adds up what was received.
  ///
  /// A step that was begun and neither ended nor discarded counts as far as it got in a run that
  /// was stopped; elsewhere it makes the run incomplete, as a cut recording is.
  ///
  /// - Parameters:
  ///   - path: What stands for the actual run in a report.
  ///   - manifest: What the run says about itself.
  ///   - ending: How the run came to its end.
  /// - Returns: What comparing the written run would come to.
  /// - Throws: ``ComparisonError/mappingWhileRunning``.
  public func finish(
    path: String, manifest: RunManifest, ending: Ending = .complete
  ) throws(ComparisonError) -> RunComparison {
    guard options.mapping == nil else { throw .mappingWhileRunning }
    let received = state.withLock { $0 }
    var manifest = manifest
    if ending == .complete, received.hasOpenSteps { manifest.isComplete = false }
    let isStopped = ending == .stopped
    let run = LiveRun(
      path: path, manifest: manifest, steps: received.records(withOpenSteps: isStopped))
    var pairing = RunPairing(actual: run, expected: expected, options: options, ending: ending)
    if isStopped { pairing.keepWhatWasReached(received) }
    var tensors = pairing.pairs.map { pair in
      (pair.expected == nil ? nil : pair.actual.flatMap { received.result(of: $0.key) })
        ?? judge.judge(pair, actual: run.tensor)
    }
    let detailed = Set(tensors.detailed(limit: options.detailLimit))
    for position in tensors.indices where !detailed.contains(position) {
      tensors[position].detail = nil
    }
    var comparison = RunComparison(pairing: pairing, tensors: tensors, options: options)
    if isStopped, comparison.isMatch {
      comparison.failures.append(
        .incompleteRun(path: path, steps: received.endedStepCount))
    }
    return comparison
  }
}

/// What was received of a run whose tensors are gone.
private struct LiveRun: RunReader {
  var path: String
  var manifest: RunManifest
  var steps: [StepRecord]

  func tensor(_ key: TensorKey) throws -> Tensor {
    throw RunError.unreadableTensor(key, path: path, reason: "it was not kept")
  }
}
