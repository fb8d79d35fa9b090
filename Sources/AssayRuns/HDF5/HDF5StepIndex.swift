import AssayBase
import AssayTensors
import Foundation

/// What `.calls` holds: the calls of a step in the order in which they began.
///
/// Written and read by hand, because Foundation's coders take keys of descriptions for the same that
/// are in two Unicode spellings.
struct HDF5StepIndex {
  var completionOrder: [Int]
  var calls: [Call]
  /// Only where it is false: a run without the order of its execution was converted.
  var isOrderRecorded: Bool?

  struct Call {
    var module: String
    var call: Int
    /// A description may be `null`: a module that returned None.
    var descriptions: [Slot.Side: JSONValue] = [:]
    /// What was written, in order; files of other writers may lack it.
    var tensors: [Tensor]?
    /// Which of its inputs the run can show, where it shows fewer than it seems to.
    var inputCoverage: String?
  }

  struct Tensor {
    var slot: String
    var device: String
    /// Why a tensor that the module had could not be recorded; then there is no dataset.
    var notRecorded: String?
  }

  fileprivate enum Key {
    static let completionOrder = "completion_order"
    static let calls = "calls"
    static let isOrderRecorded = "order_recorded"
    static let module = "module"
    static let call = "call"
    static let tensors = "tensors"
    static let inputCoverage = "input_coverage"
    static let slot = "slot"
    static let device = "device"
    static let notRecorded = "not_recorded"
  }
}

// MARK: - Writing

extension HDF5StepIndex {
  var jsonValue: JSONValue {
    var members: NameMap<JSONValue> = [
      Key.completionOrder: .array(completionOrder.map { .integer(Int64($0)) }),
      Key.calls: .array(calls.map(\.jsonValue)),
    ]
    members[Key.isOrderRecorded] = isOrderRecorded.map { .bool($0) }
    return .object(members)
  }
}

extension HDF5StepIndex.Call {
  fileprivate var jsonValue: JSONValue {
    var members: NameMap<JSONValue> = [
      HDF5StepIndex.Key.module: .string(module),
      HDF5StepIndex.Key.call: .integer(Int64(call)),
    ]
    for (side, description) in descriptions { members[side.rawValue] = description }
    members[HDF5StepIndex.Key.tensors] = tensors.map { .array($0.map(\.jsonValue)) }
    members[HDF5StepIndex.Key.inputCoverage] = inputCoverage.map { .string($0) }
    return .object(members)
  }
}

extension HDF5StepIndex.Tensor {
  fileprivate var jsonValue: JSONValue {
    var members: NameMap<JSONValue> = [
      HDF5StepIndex.Key.slot: .string(slot), HDF5StepIndex.Key.device: .string(device),
    ]
    members[HDF5StepIndex.Key.notRecorded] = notRecorded.map { .string($0) }
    return .object(members)
  }
}

// MARK: - Reading

extension HDF5StepIndex {
  /// Why a text is not what was expected.
  struct Mismatch: Error, CustomStringConvertible {
    var description: String
  }

  init(_ value: JSONValue) throws(Mismatch) {
    let object = try Object(value, "the whole text")
    completionOrder = try object.items(Key.completionOrder) { (value, place) throws(Mismatch) in
      try Object.natural(value, place)
    }
    calls = try object.items(Key.calls) { (value, place) throws(Mismatch) in
      try Call(Object(value, place))
    }
    isOrderRecorded = try object.bool(Key.isOrderRecorded)
  }

  /// A JSON object whose members are read one by one.
  fileprivate struct Object {
    private let members: NameMap<JSONValue>
    private let place: String

    init(_ value: JSONValue, _ place: String) throws(Mismatch) {
      guard let members = value.members else { throw Object.wrongType(place) }
      self.members = members
      self.place = place
    }

    private static func wrongType(_ place: String) -> Mismatch {
      Mismatch(description: "the value of \(place) has the wrong type")
    }

    static func natural(_ value: JSONValue, _ place: String) throws(Mismatch) -> Int {
      guard let number = value.int, number >= 0 else { throw wrongType(place) }
      return number
    }

    private func path(_ key: String) -> String {
      place == "the whole text" ? key : "\(place).\(key)"
    }

    func optional(_ key: String) -> JSONValue? { members[key] }

    private func required(_ key: String) throws(Mismatch) -> JSONValue {
      guard let value = members[key] else {
        throw Mismatch(description: "it lacks the key \(path(key))")
      }
      return value
    }

    func natural(_ key: String) throws(Mismatch) -> Int {
      try Object.natural(required(key), path(key))
    }

    func text(_ key: String) throws(Mismatch) -> String {
      guard let text = try required(key).text else { throw Object.wrongType(path(key)) }
      return text
    }

    func optionalText(_ key: String) throws(Mismatch) -> String? {
      members[key] == nil || members[key] == .null ? nil : try text(key)
    }

    func bool(_ key: String) throws(Mismatch) -> Bool? {
      switch members[key] {
      case nil, .null?: return nil
      case .bool(let value)?: return value
      default: throw Object.wrongType(path(key))
      }
    }

    func items<Item>(
      _ key: String, _ item: (JSONValue, String) throws(Mismatch) -> Item
    ) throws(Mismatch) -> [Item] {
      guard let values = try required(key).items else { throw Object.wrongType(path(key)) }
      var items: [Item] = []
      items.reserveCapacity(values.count)
      for (position, value) in values.enumerated() {
        items.append(try item(value, "\(path(key))[\(position)]"))
      }
      return items
    }
  }
}

extension HDF5StepIndex.Call {
  fileprivate init(_ object: HDF5StepIndex.Object) throws(HDF5StepIndex.Mismatch) {
    module = try object.text(HDF5StepIndex.Key.module)
    call = try object.natural(HDF5StepIndex.Key.call)
    for side in Slot.Side.allCases { descriptions[side] = object.optional(side.rawValue) }
    inputCoverage = try object.optionalText(HDF5StepIndex.Key.inputCoverage)
    guard let tensors = object.optional(HDF5StepIndex.Key.tensors), tensors != .null else { return }
    self.tensors = try object.items(HDF5StepIndex.Key.tensors) {
      (value, place) throws(HDF5StepIndex.Mismatch) in
      try HDF5StepIndex.Tensor(HDF5StepIndex.Object(value, place))
    }
  }
}

extension HDF5StepIndex.Tensor {
  fileprivate init(_ object: HDF5StepIndex.Object) throws(HDF5StepIndex.Mismatch) {
    slot = try object.text(HDF5StepIndex.Key.slot)
    device = try object.text(HDF5StepIndex.Key.device)
    notRecorded = try object.optionalText(HDF5StepIndex.Key.notRecorded)
  }
}
