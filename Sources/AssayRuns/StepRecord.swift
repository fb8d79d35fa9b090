package import AssayBase
public import AssayTensors

/// One step of a recorded run, as a reader found it.
public struct StepRecord: Sendable {
  /// The forward pass of the root module, from 0.
  public var index: Int
  /// The calls in pre-forward order: parents before the children that they contain.
  public var calls: [CallRecord]
  /// Positions in `calls`, in completion order: children before the parent that contains them.
  public var completionOrder: [Int]
  /// Whether the order was recorded, or is only the order of the names.
  package var isOrderRecorded: Bool
  /// Which token each row of its tensors belongs to; `nil` where that was not recorded.
  public var rows: StepRows?

  /// Makes a record.
  package init(
    index: Int, calls: [CallRecord], completionOrder: [Int]? = nil, isOrderRecorded: Bool = true,
    rows: StepRows? = nil
  ) {
    self.index = index
    self.calls = calls
    self.completionOrder =
      completionOrder ?? Self.completionOrder(ofPreForward: calls.map(\.call))
    self.isOrderRecorded = isOrderRecorded
    self.rows = rows
  }
}

extension StepRecord {
  /// Takes out the calls that `isKept`, which may change them, says no to.
  package mutating func keepCalls(where isKept: (inout CallRecord) -> Bool) {
    var kept: [CallRecord] = []
    var positions: [Int: Int] = [:]
    for (old, call) in calls.enumerated() {
      var call = call
      guard isKept(&call) else { continue }
      positions[old] = kept.count
      kept.append(call)
    }
    calls = kept
    completionOrder = completionOrder.compactMap { positions[$0] }
  }
}

/// One module call of a recorded step.
public struct CallRecord: Sendable {
  /// The call.
  public var call: CallKey
  /// What `inputs.json`, `outputs.json` and so on say, as far as they exist.
  package var descriptions: [Slot.Side: JSONValue]
  /// The tensors of the call, by slot and device.
  public var tensors: [TensorRecord]
  /// What is known of the inputs' coverage from elsewhere; `nil` for what the record shows itself.
  private var toldCoverage: InputCoverage?

  /// Which of the tensors that the module was given are among them: what the description and the
  /// tensors show, unless it was said.
  ///
  /// - Complexity: O(described values).
  package var inputCoverage: InputCoverage {
    get { toldCoverage ?? InputCoverage(shownBy: self) }
    set { toldCoverage = newValue }
  }

  /// The coverage, where the description and the tensors alone would show another.
  var coverageToTell: InputCoverage? {
    toldCoverage.flatMap { $0 == InputCoverage(shownBy: self) ? nil : $0 }
  }

  /// Makes a record.
  ///
  /// - Parameter inputCoverage: What is known of the inputs; `nil` for what the record shows.
  package init(
    call: CallKey, descriptions: [Slot.Side: JSONValue] = [:], tensors: [TensorRecord] = [],
    inputCoverage: InputCoverage? = nil
  ) {
    self.call = call
    self.descriptions = descriptions
    self.tensors = tensors
    toldCoverage = inputCoverage
  }
}

/// A tensor that a run holds, or says that it lacks.
public struct TensorRecord: Sendable {
  /// What a run holds of a tensor.
  ///
  /// A note is indirect: few tensors have one, and none of the others should have room for it.
  package enum Content: Sendable {
    /// Its elements.
    case stored
    /// A note: it was left out, for example because it is too large.
    indirect case skipped(SkippedTensor)
    /// Nothing: the module had it, and it could not be recorded.
    case notRecorded(reason: String)
  }

  /// The tensor's name within the run.
  public var key: TensorKey
  /// What the run holds of it.
  package var content: Content

  /// Makes a record.
  package init(key: TensorKey, content: Content = .stored) {
    self.key = key
    self.content = content
  }

  /// Makes a record of a tensor that was written, or skipped if there is a note.
  package init(key: TensorKey, skipped: SkippedTensor?) {
    self.init(key: key, content: skipped.map(Content.skipped) ?? .stored)
  }

  /// The note of a tensor that was skipped.
  package var skipped: SkippedTensor? {
    if case .skipped(let note) = content { note } else { nil }
  }

  /// Why a tensor that the module had could not be recorded; `nil` for any other.
  package var notRecorded: String? {
    if case .notRecorded(let reason) = content { reason } else { nil }
  }

  /// Whether the run holds the elements.
  public var isStored: Bool { if case .stored = content { true } else { false } }
  /// What stands for the elements of a tensor that was not written, if anything does.
  package var digest: TensorDigest? { skipped?.digest }
  /// Whether the tensor can be compared: by its elements or by its digest.
  public var isComparable: Bool { isStored || digest != nil }
}

extension StepRecord {
  /// Sorts calls by the moment they complete: children before the parent that contains them.
  ///
  /// A call is taken to last until the last call below it (by dotted name) that begins before the
  /// same module begins again.
  ///
  /// - Parameter calls: Calls in pre-forward order.
  /// - Returns: Positions in `calls`, in completion order.
  /// - Complexity: O(n · depth).
  package static func completionOrder(ofPreForward calls: [CallKey]) -> [Int] {
    var ends = Array(calls.indices)
    var open: NameMap<Int> = [:]
    for (position, call) in calls.enumerated() {
      open[call.module] = position
      var ancestor = call.module
      while let parent = ancestor.parentModule {
        ancestor = parent
        if let start = open[ancestor] { ends[start] = position }
      }
    }
    // Of calls that end together, the one that began last is the innermost.
    return calls.indices.sorted { (ends[$0], $1) < (ends[$1], $0) }
  }
}
