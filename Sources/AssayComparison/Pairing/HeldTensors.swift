import AssayRuns
import AssayTensors

extension RunManifest {
  /// Whether it is a fixture that a recording is held to: what only the recording has is then no
  /// failure, as whoever chose the tensors of the fixture did not mean to compare it.
  ///
  /// Of two fixtures each was chosen, so that a key in one of them alone is a failure.
  func holdsChosen(of actual: RunManifest) -> Bool { isFixture && !actual.isFixture }
}

extension [Int: CommonStep] {
  /// Takes out the tensors that a fixture does not have, and the calls and steps without any other.
  ///
  /// A tensor that the fixture has on another device stays, and fails.
  ///
  /// - Returns: How many tensors were taken out, of how many.
  mutating func keepHeld(by fixture: [Int: CommonStep]) -> (unheld: Int, all: Int) {
    var count = (unheld: 0, all: 0)
    for (index, step) in self {
      var step = step
      var held: [CallKey: Set<Slot>] = [:]
      for call in fixture[index]?.calls ?? [] {
        held[call.call, default: []].formUnion(call.tensors.map(\.key.slot))
      }
      for position in step.calls.indices {
        let slots = held[step.calls[position].call] ?? []
        let all = step.calls[position].tensors.count
        step.calls[position].tensors.removeAll { $0.isBesidePair || !slots.contains($0.key.slot) }
        count.all += all
        count.unheld += all - step.calls[position].tensors.count
      }
      step.keepCalls { held[$0.call] != nil }
      self[index] = step.calls.isEmpty && fixture[index] == nil ? nil : step
    }
    return count
  }
}
