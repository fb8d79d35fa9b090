package import AssayRuns
import AssayTensors
import Synchronization

/// Compares tensors as a run produces them and keeps only the figures.
///
/// It comes to what ``RunComparison/compare(actual:expected:options:progress:)`` comes to for the
/// written run. Parts of several calls may be received at once; they are judged in parallel.
package final class LiveComparison: Sendable {
  private let expected: any RunReader
  private let expectedSteps: [CommonStep]
  private let options: ComparisonOptions
  private let devices: DeviceMap
  private let judge: PairJudge
  private let awaited: AwaitedTensors
  private let state = Mutex(LiveSteps())

  /// Makes a comparison that waits for the first step.
  ///
  /// - Parameters:
  ///   - expected: The reference, which is read tensor by tensor as the actual ones arrive.
  ///   - options: What is compared, and under which rules.
  package init(expected: any RunReader, options: ComparisonOptions = .init()) {
    self.expected = expected
    self.options = options
    devices = options.deviceMap
    judge = PairJudge(options: options)
    expectedSteps = expected.steps.map { CommonStep($0, devices: []) }
    // Paired with nothing, the expected run stands as it will stand at the end.
    awaited = AwaitedTensors(
      RunPairing(
        actual: ComparedRun(path: "", manifest: expected.manifest), expected: ComparedRun(expected),
        steps: BothSides(actual: [], expected: expectedSteps), options: options))
  }

  /// Judges what happened.
  ///
  /// A step that begins again, or is discarded, is forgotten, whether it ended or not.
  ///
  /// - Returns: Whether it is as in the expected run: a part has all its tensors there, and they
  ///   match; a step has all its calls and tensors, and no others. `true` for what is not compared.
  @discardableResult
  package func receive(_ event: RunEvent) -> Bool {
    switch event {
    case .stepBegan(let step): state.withLock { $0.begin(step) }
    case .captured(let part): return judge(part)
    case .stepEnded(let step, let calls, let completionOrder, let isOrderRecorded, _):
      let record = state.withLock {
        $0.end(
          step, calls: calls, completionOrder: completionOrder, isOrderRecorded: isOrderRecorded)
      }
      return isAllThere(record)
    case .stepDiscarded(let step): state.withLock { $0.discard(step) }
    case .runEnded: break
    }
    return true
  }

  private func judge(_ part: CallPart) -> Bool {
    let call = awaited.steps[part.call.step]?[part.call]
    let isCompared =
      (call != nil || options.selects(part.call))
      && options.sides?.contains(part.side) ?? true
    guard isCompared else {
      _ = state.withLock { $0.add(part, results: []) }
      return true
    }
    var passes = call != nil || isFixture
    var missing = Set((call ?? [:]).keys.filter { $0.slot.side == part.side })
    var results: [(TensorKey, TensorResult)] = []
    for captured in part.tensors {
      let record = part.record(of: captured)
      let key = commonKey(record.key)
      missing.remove(key)
      guard let reference = call?[key] else {
        passes = passes && isFixture
        continue
      }
      var pair = reference.pair
      pair.sides.actual = TensorSource(record: record)
      let result = judged(captured, pair, rank: reference.rank)
      passes = passes && !result.verdict.isFailure
      results.append((record.key, result))
    }
    let isNew = state.withLock { $0.add(part, results: results) }
    return passes && isNew && missing.isEmpty
  }

  /// The name under which an actual tensor is compared.
  private func commonKey(_ key: TensorKey) -> TensorKey {
    var key = key
    key.device = devices.expected(of: key.device)
    return key
  }

  private func judged(_ captured: CapturedTensor, _ pair: TensorPair, rank: Int) -> TensorResult {
    func read(_ pair: TensorPair, _ side: RunSide) throws -> TensorSourceReader.Reading {
      guard side == .actual else {
        return TensorSourceReader.Reading(tensor: try expected.tensor(pair.key))
      }
      guard case .stored(_, let tensor) = captured else {
        throw RunError.unreadableTensor(pair.key, path: "", reason: "it was skipped")
      }
      return TensorSourceReader.Reading(tensor: tensor)
    }
    var result = judge.judge(pair, reading: read)
    guard result.isWorthDetail else { return result }
    let isDetailed = state.withLock {
      $0.addFailure(rank: rank, step: pair.key.step, limit: options.detailLimit)
    }
    if isDetailed { result.outcome.detail = judge.detail(pair, result, reading: read) }
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
  package func finish(
    path: String, manifest: RunManifest, ending: RunEnding = .complete
  ) throws(ComparisonError) -> RunComparison {
    guard options.mapping == nil else { throw .mappingWhileRunning }
    let received = state.withLock { $0 }
    var manifest = manifest
    if ending == .complete, received.hasOpenSteps { manifest.isComplete = false }
    let isStopped = ending == .stopped
    let actualSteps = received.records(withOpenSteps: isStopped).map {
      CommonStep($0, devices: devices)
    }
    var pairing = RunPairing(
      actual: ComparedRun(path: path, manifest: manifest), expected: ComparedRun(expected),
      steps: BothSides(actual: actualSteps, expected: expectedSteps), options: options,
      ending: ending)
    if isStopped { pairing.keepWhatWasReached(received) }
    var detailed = 0
    let results = pairing.pairs.map { pair in
      // A tensor that pairs was judged when it came; it was not kept.
      guard let key = pair.actual?.key, pair.expected != nil,
        var result = received.result(of: key)
      else {
        return judge.judge(pair) { pair, _ in
          throw RunError.unreadableTensor(pair.key, path: path, reason: "it was not kept")
        }
      }
      if result.isWorthDetail { detailed += 1 }
      if detailed > options.detailLimit { result.outcome.detail = nil }
      return result
    }
    var comparison = RunComparison(pairing: pairing, results: results, options: options)
    if isStopped, comparison.isMatch {
      comparison.failures.append(
        .incompleteRun(path: path, steps: received.endedStepCount))
    }
    return comparison
  }

  /// Whether an actual step has the calls and tensors of the expected one, and no others.
  private func isAllThere(_ record: StepRecord) -> Bool {
    guard options.steps?.contains(record.index) ?? true else { return true }
    guard let calls = awaited.steps[record.index] else { return isFixture }
    var found: [CallKey: Set<TensorKey>] = [:]
    for call in record.calls {
      guard calls[call.call] != nil else {
        if options.selects(call.call), !isFixture { return false }
        continue
      }
      let keys = call.tensors.map(\.key).filter { key in
        options.sides.map { sides in key.slot.side.map(sides.contains) ?? false } ?? true
      }
      found[call.call, default: []].formUnion(keys.map(commonKey))
    }
    return calls.allSatisfy { call, tensors in
      let found = found[call] ?? []
      return isFixture ? found.isSuperset(of: tensors.keys) : found == Set(tensors.keys)
    }
  }

  /// Whether the actual run may have more than the expected one, which then is no failure.
  private var isFixture: Bool { expected.manifest.isFixture }
}

/// The expected tensors of a run that is compared as it is produced.
private struct AwaitedTensors: Sendable {
  /// A pair that waits for its actual tensor.
  struct Awaited {
    var pair: TensorPair
    /// Its position among all in execution order.
    var rank: Int
  }

  /// By step and call what is to be compared.
  private(set) var steps: [Int: [CallKey: [TensorKey: Awaited]]] = [:]

  init(_ pairing: RunPairing) {
    for step in pairing.steps {
      steps[step.index] = [:]
      for call in step.calls {
        steps[step.index]?[call.call] = Dictionary(
          call.pairs.map { (pairing.pairs[$0].key, Awaited(pair: pairing.pairs[$0], rank: $0)) },
          uniquingKeysWith: { first, _ in first })
      }
    }
  }
}
