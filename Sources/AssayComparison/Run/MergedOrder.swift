import AssayRuns

/// The calls of both runs' steps in one order.
struct MergedOrder {
  /// The calls in completion order.
  var completion: [ModuleCall]
  /// The calls in pre-forward order.
  var preForward: [ModuleCall]
  /// Whether the calls that both sides have come in another order on the other side.
  var isContradicted = false

  /// Takes one side's order and puts the calls that only the other has after the call that
  /// precedes them there.
  init(base: StepRecord, other: StepRecord?) {
    completion = base.callsInCompletionOrder
    preForward = base.calls.map(\.call).uniqued()
    guard let other else { return }
    let others = other.callsInCompletionOrder
    if base.isOrderRecorded && other.isOrderRecorded {
      let (ours, theirs) = (Set(completion), Set(others))
      isContradicted = completion.filter(theirs.contains) != others.filter(ours.contains)
    }
    completion = MergedOrder.merge(completion, others)
    preForward = MergedOrder.merge(preForward, other.calls.map(\.call).uniqued())
  }

  private static func merge(_ base: [ModuleCall], _ other: [ModuleCall]) -> [ModuleCall] {
    let known = Set(base)
    var leading: [ModuleCall] = []
    var following: [ModuleCall: [ModuleCall]] = [:]
    var anchor: ModuleCall?
    for call in other {
      if known.contains(call) {
        anchor = call
      } else if let anchor {
        following[anchor, default: []].append(call)
      } else {
        leading.append(call)
      }
    }
    return leading + base.flatMap { [$0] + (following[$0] ?? []) }
  }
}

extension StepRecord {
  /// Every call once, in completion order, whatever the positions say.
  var callsInCompletionOrder: [ModuleCall] {
    let ordered = completionOrder.filter(calls.indices.contains).map { calls[$0].call }
    return (ordered + calls.map(\.call)).uniqued()
  }
}

extension [ModuleCall] {
  fileprivate func uniqued() -> [ModuleCall] {
    var seen = Set<ModuleCall>()
    return filter { seen.insert($0).inserted }
  }
}
