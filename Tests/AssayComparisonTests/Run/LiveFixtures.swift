import AssayComparison
import AssayRuns
import AssayTensors
import Testing

/// Feeds a stored run to a live comparison part by part, as a recorder would.
struct Replayer {
  var actual: any RunReader
  var live: LiveComparison
  /// What `receive` returned for parts and for the ends of steps.
  var passes: [Bool] = []

  init(_ actual: any RunReader, _ expected: any RunReader, _ options: ComparisonOptions) {
    self.actual = actual
    live = LiveComparison(expected: expected, options: options)
  }

  mutating func feed(_ steps: [StepRecord]? = nil) throws {
    for step in steps ?? actual.steps {
      live.receive(.stepBegan(step.index))
      for part in try parts(of: step) { passes.append(live.receive(.captured(part))) }
      end(step)
    }
  }

  mutating func end(_ step: StepRecord) {
    passes.append(
      live.receive(
        .stepEnded(
          step.index, calls: step.calls.map(\.call), completionOrder: step.completionOrder,
          isOrderRecorded: step.isOrderRecorded)))
  }

  func finish(_ ending: RunEnding = .complete) throws -> RunComparison {
    try live.finish(path: actual.path, manifest: actual.manifest, ending: ending)
  }

  /// Inputs as the calls begin, and outputs as they end.
  func parts(of step: StepRecord) throws -> [CallPart] {
    var parts: [CallPart] = []
    for call in step.calls {
      if let part = try part(call, .inputs, step.index) { parts.append(part) }
    }
    for position in step.completionOrder {
      for side in [Slot.Side.outputs, .postForwardInputs] {
        if let part = try part(step.calls[position], side, step.index) { parts.append(part) }
      }
    }
    return parts
  }

  private func part(_ call: CallRecord, _ side: Slot.Side, _ step: Int) throws -> CallPart? {
    let records = call.tensors.filter { $0.key.slot.side == side }
    guard !records.isEmpty || call.descriptions[side] != nil else { return nil }
    return CallPart(
      call: call.call, side: side, description: call.descriptions[side],
      tensors: try records.map { record in
        switch record.content {
        case .skipped(let note): .skipped(record.key.slot, note)
        case .notRecorded(let reason):
          .notRecorded(record.key.slot, record.key.device, reason: reason)
        case .stored: .stored(record.key.slot, try actual.tensor(record.key))
        }
      }, inputCoverage: side == .inputs ? call.inputCoverage : nil)
  }
}

/// Compares live, and expects what comparing the stored runs comes to, field by field.
@discardableResult
func compareLive(
  _ actual: any RunReader, _ expected: any RunReader, _ options: ComparisonOptions = .init(),
  sourceLocation: SourceLocation = #_sourceLocation
) throws -> RunComparison {
  let stored = try RunComparison.compare(actual: actual, expected: expected, options: options)
  var replayer = Replayer(actual, expected, options)
  try replayer.feed()
  let live = try replayer.finish()
  expectEqual(live, stored, sourceLocation: sourceLocation)
  return live
}

func expectEqual(
  _ live: RunComparison, _ stored: RunComparison,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(live.isMatch == stored.isMatch, sourceLocation: sourceLocation)
  #expect(live.actual.path == stored.actual.path, sourceLocation: sourceLocation)
  #expect(live.actual.manifest == stored.actual.manifest, sourceLocation: sourceLocation)
  #expect(live.expected.path == stored.expected.path, sourceLocation: sourceLocation)
  #expect(live.summary == stored.summary, sourceLocation: sourceLocation)
  #expect(live.failures == stored.failures, sourceLocation: sourceLocation)
  #expect(live.notes == stored.notes, sourceLocation: sourceLocation)
  #expect(live.introduced == stored.introduced, sourceLocation: sourceLocation)
  // Not #expect on the values themselves: printing hundreds of tensors tells nobody anything.
  let isDivergenceEqual = live.firstDivergence == stored.firstDivergence
  let isDifferenceEqual = live.firstDifference == stored.firstDifference
  #expect(isDivergenceEqual, sourceLocation: sourceLocation)
  #expect(isDifferenceEqual, sourceLocation: sourceLocation)
  #expect(live.steps.count == stored.steps.count, sourceLocation: sourceLocation)
  for (ours, theirs) in zip(live.steps, stored.steps) where ours != theirs {
    for (a, e) in zip(ours.modules, theirs.modules) where a != e {
      Issue.record("step \(ours.index): \(a) is not \(e)", sourceLocation: sourceLocation)
      return
    }
    Issue.record("step \(ours.index) differs", sourceLocation: sourceLocation)
  }
}
