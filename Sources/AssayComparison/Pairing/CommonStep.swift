import AssayBase
import AssayRuns
import AssayTensors

/// A step of one run under the names that both runs have in common.
struct CommonStep: Sendable {
  /// A module call, which holds what one or several calls of the run hold.
  struct Call: Sendable {
    var call: CallKey
    var tensors: [NamedTensor] = []
    var descriptions: [Slot.Side: JSONValue] = [:]
    var inputCoverage: InputCoverage
    /// The sides whose tensors a mapping names otherwise or leaves out, so that what else stood there
    /// is not told apart.
    var mappedSides: Set<Slot.Side> = []
    /// Whether it holds what several calls hold, or what another call holds too, so that it has no
    /// place of its own in the order of execution.
    var isGathered = false
  }

  /// A tensor and the name under which it is compared.
  struct NamedTensor: Sendable {
    var key: TensorKey
    var source: TensorSource
    /// How it found its counterpart, where there is a mapping.
    var origin: PairOrigin?
    /// Whether it is unpaired under a name that a mapping gives to a pair of others.
    var isBesidePair = false

    /// Why it stands alone although its name has a counterpart.
    var reason: String? {
      isBesidePair ? "a rule pairs other tensors under this name" : nil
    }
  }

  /// The forward pass of the root module, from 0.
  var index: Int
  /// In pre-forward order.
  var calls: [Call]
  /// Positions in `calls`, in completion order.
  var completionOrder: [Int]
  var isOrderRecorded: Bool

  /// The calls in pre-forward order, each once.
  var preForward: [CallKey] { calls.map(\.call).uniqued() }
  /// Every call once, in completion order, whatever the positions say.
  var completion: [CallKey] {
    let ordered = completionOrder.filter(calls.indices.contains).map { calls[$0].call }
    return (ordered + calls.map(\.call)).uniqued()
  }
}

extension CommonStep {
  /// A step under its own names.
  init(_ record: StepRecord, devices: DeviceMap) {
    index = record.index
    calls = record.calls.map { call in
      Call(
        call: call.call,
        tensors: call.tensors.map { tensor in
          var key = tensor.key
          key.device = devices.expected(of: key.device)
          return NamedTensor(key: key, source: TensorSource(record: tensor))
        }, descriptions: call.descriptions, inputCoverage: call.inputCoverage)
    }
    completionOrder = record.completionOrder
    isOrderRecorded = record.isOrderRecorded
  }

  /// Takes out the calls that `isKept` says no to.
  mutating func keepCalls(where isKept: (Call) -> Bool) {
    var kept: [Call] = []
    var positions: [Int: Int] = [:]
    for (old, call) in calls.enumerated() where isKept(call) {
      positions[old] = kept.count
      kept.append(call)
    }
    calls = kept
    completionOrder = completionOrder.compactMap { positions[$0] }
  }

  /// Takes out what is on other sides of calls.
  mutating func keep(_ sides: Set<Slot.Side>) {
    for position in calls.indices {
      calls[position].tensors.removeAll { !($0.key.slot.side.map(sides.contains) ?? false) }
      calls[position].descriptions = calls[position].descriptions.filter { sides.contains($0.key) }
      if !sides.contains(.inputs) { calls[position].inputCoverage = .all }
    }
  }

  /// The calls by name; one that is listed twice has the tensors of both.
  var callsByName: [CallKey: Call] {
    Dictionary(calls.map { ($0.call, $0) }) { first, second in
      var both = first
      both.tensors += second.tensors
      both.inputCoverage = max(first.inputCoverage, second.inputCoverage)
      return both
    }
  }
}

extension [CallKey] {
  fileprivate func uniqued() -> [CallKey] {
    var seen = Set<CallKey>()
    return filter { seen.insert($0).inserted }
  }
}
