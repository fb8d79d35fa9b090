import AssayRuns
import AssayTensors

/// The calls of both runs' steps in one order.
struct MergedOrder {
  /// The calls in completion order.
  var completion: [CallKey]
  /// The calls in pre-forward order.
  var preForward: [CallKey]
  /// Whether the calls that both sides have come in another order on the other side.
  var isContradicted = false

  /// Takes one side's order and puts the calls that only the other has after the call that
  /// precedes them there.
  init(base: CommonStep, other: CommonStep?) {
    completion = base.completion
    preForward = base.preForward
    guard let other else { return }
    let others = other.completion
    if base.isOrderRecorded && other.isOrderRecorded {
      // Where a call that a mapping gathered stands tells nothing of the runs.
      let gathered = (base.calls + other.calls).filter(\.isGathered).map(\.call)
      let (ours, theirs) = (
        Set(completion).subtracting(gathered), Set(others).subtracting(gathered)
      )
      isContradicted = completion.filter(theirs.contains) != others.filter(ours.contains)
    }
    completion = MergedOrder.merge(completion, others)
    preForward = MergedOrder.merge(preForward, other.preForward)
  }

  private static func merge(_ base: [CallKey], _ other: [CallKey]) -> [CallKey] {
    let known = Set(base)
    var leading: [CallKey] = []
    var following: [CallKey: [CallKey]] = [:]
    var anchor: CallKey?
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
