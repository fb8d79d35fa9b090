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
    func add(_ module: String, _ slot: Slot?) {
      let other = CallKey(step: call.step, module: module, index: call.index)
      if let slot, known.contains(other) { found.append((other, slot)) }
    }
    add(call.module, slot)
    for rule in rules {
      guard let (pattern, side, templates, reach) = rule.naming,
        reach.transforms.actual.isEmpty, reach.transforms.expected.isEmpty
      else { continue }
      let other = reach.counterpart(of: slot, on: .actual)
      if side == .actual {
        guard let groups = pattern.groups(in: call.module) else { continue }
        for template in templates { add(template.name(groups), other) }
      } else {
        for candidate in calls where candidate.index == call.index {
          guard let groups = pattern.groups(in: candidate.module),
            templates.contains(where: { $0.name(groups) == call.module })
          else { continue }
          add(candidate.module, other)
        }
      }
    }
    return found
  }
}

extension MappingRule {
  /// Which names a rule gives to which; `nil` for one that drops tensors.
  fileprivate var naming: (ModuleRenaming, RunSide, [ModuleNameTemplate], Reach)? {
    switch action {
    case .rename(let rename): (rename.pattern, rename.patternSide, [rename.template], rename.reach)
    case .split(let split): (split.pattern, split.wholeSide, split.parts, split.reach)
    case .drop: nil
    }
  }
}
