import AssayBase
import AssayTensors

/// Which of the tensors that a module was given a run can show; the later case knows less.
package enum InputCoverage: Int, Sendable, Comparable, CaseIterable {
  /// All that it was given, or notes of what was skipped.
  case all
  /// Those given by position: vLLM's hooks do not see keyword inputs.
  case positional
  /// All but what an object holds that modules share and change, such as a key-value cache.
  case state
  /// The same, and the object is known to hold something already.
  case filledState
  /// Not all: some were left out by a filter or a mapping, or are hidden in an object.
  case partial

  /// Whether the first knows more than the second.
  package static func < (first: InputCoverage, second: InputCoverage) -> Bool {
    first.rawValue < second.rawValue
  }

  /// What a call's description of its inputs and its tensors show.
  init(shownBy record: CallRecord) {
    guard let description = record.descriptions[.inputs] else {
      self = record.tensors.contains { $0.isUnseenInput } ? .partial : .all
      return
    }
    var inputs = DescribedInputs(recorded: record.tensors)
    inputs.add(description, at: Slot(Slot.Side.inputs.rawValue))
    self = inputs.coverage
  }
}

extension InputCoverage {
  /// The name under which a run says it.
  var name: String {
    switch self {
    case .all: "all"
    case .positional: "positional"
    case .state: "state"
    case .filledState: "filled_state"
    case .partial: "partial"
    }
  }

  init?(name: String) {
    guard let found = InputCoverage.allCases.first(where: { $0.name == name }) else { return nil }
    self = found
  }
}

extension TensorRecord {
  /// Whether the module was given it and nothing of it is known.
  fileprivate var isUnseenInput: Bool { notRecorded != nil && key.slot.side == .inputs }
}

/// Walks through what `inputs.json` says and finds what no recorded tensor stands for.
private struct DescribedInputs {
  private(set) var coverage = InputCoverage.all
  private let recorded: Set<Slot>

  init(recorded tensors: [TensorRecord]) {
    recorded = Set(tensors.map(\.key.slot))
    if tensors.contains(where: \.isUnseenInput) { lower(to: .partial) }
  }

  mutating func add(_ value: JSONValue, at slot: Slot) {
    guard let members = value.members else { return }
    let type = members["type"]?.text ?? ""
    if members["not_recorded"] != nil { return lower(to: .partial) }
    if members["no_tensors"] == .bool(true) { return }
    if let text = members["string_repr"]?.text {
      return lower(to: Self.coverage(ofType: type, text, members["seq_length"]?.int))
    }
    switch type {
    case "tensor":
      // A filter may have left out what the description still tells of.
      if !recorded.contains(slot) { lower(to: .partial) }
    case "tuple", "list":
      let items = members["items"]?.items ?? members["sample"]?.items ?? []
      for (position, item) in items.enumerated() { add(item, at: slot.appending("\(position)")) }
      if let length = members["length"]?.int, length > items.count {
        addRest(of: slot, items, to: length)
      }
    default:
      for (key, item) in members["items"]?.members ?? [:] { add(item, at: slot.appending(key)) }
    }
    for (name, item) in members["kwargs"]?.members ?? [:] { add(item, at: slot.appending(name)) }
  }

  /// The items that a long tuple's description leaves out: plain values, as those before are, or
  /// each with a recorded tensor.
  private mutating func addRest(of slot: Slot, _ items: [JSONValue], to length: Int) {
    if items.allSatisfy({ $0.members == nil && $0.items == nil }) { return }
    let prefix = slot.rawValue + "_"
    let positions = Set(
      recorded.lazy.map(\.rawValue).filter { $0.hasPrefix(prefix) }
        .compactMap { Int($0.dropFirst(prefix.count).prefix { $0 != "_" }) })
    if positions.count(where: { $0 >= items.count && $0 < length }) < length - items.count {
      lower(to: .partial)
    }
  }

  private mutating func lower(to other: InputCoverage) { coverage = max(coverage, other) }

  /// What can be hidden in an object of which a run has only the text.
  private static func coverage(ofType type: String, _ text: String, _ length: Int?) -> InputCoverage
  {
    if let length { return length > 0 ? .filledState : .state }
    if type.hasSuffix("Cache") { return .state }
    // An enumeration's value prints as <Type.NAME: value>.
    if plainTypes.contains(type) || text.hasPrefix("<\(type).") && text.contains(": ") {
      return .all
    }
    return .partial
  }

  /// Types of Python whose values hold no tensor.
  private static let plainTypes: Set<String> = [
    "dtype", "device", "layout", "memory_format", "qscheme", "Generator", "Stream", "Event",
    "function", "builtin_function_or_method", "type", "slice", "range", "ellipsis", "bytes",
    "Decimal", "Fraction", "UUID", "PosixPath", "WindowsPath", "date", "datetime", "timedelta",
  ]
}
