import AssayRuns
package import AssayTensors

extension Mapping {
  /// What of an expected step pairs with a tensor of the model's, before the model has run.
  ///
  /// - Parameters:
  ///   - call: The call, under the model's name.
  ///   - slot: The tensor's slot, under the model's name.
  ///   - calls: The calls of the expected step.
  /// - Returns: The names that rules without transforms give, in the order of the rules; an equal
  ///   name stands first.
  /// - Complexity: O(rules x calls).
  package func counterparts(
    of call: CallKey, _ slot: Slot, among calls: [CallKey]
  ) -> [(call: CallKey, slot: Slot)] {
    let known = Set(calls)
    var found: [(call: CallKey, slot: Slot)] = []
    func add(_ other: CallKey, _ slot: Slot) {
      if known.contains(other) { found.append((other, slot)) }
    }
    add(call, slot)
    for rule in rules {
      guard let pair = rule.pair, pair.isNaming, rule.scope.covers(step: call.step),
        let slot = pair.expectedSlot(of: slot)
      else { continue }
      if pair.patternSide == .actual {
        for other in pair.others(of: call) ?? [] { add(other, slot) }
      } else {
        for candidate in calls where pair.others(of: candidate)?.contains(call) ?? false {
          add(candidate, slot)
        }
      }
    }
    return found
  }
}

extension MappingRule.Pair {
  /// Whether it gives other names and does nothing to the tensors.
  fileprivate var isNaming: Bool {
    if case .sum = combination { return false }
    return transforms.actual.isEmpty && transforms.expected.isEmpty
  }
}
