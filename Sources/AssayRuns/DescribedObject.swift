import AssayBase
package import AssayTensors

/// A value of a call that a run describes by a text, because it is neither a tensor nor a container.
package struct DescribedObject: Hashable, Sendable {
  /// Where it stands in the call.
  package var slot: Slot
  /// The name of its type.
  package var type: String
  /// How it prints, which may be cut.
  package var text: String
  /// Whether the recorder searched it and found that it holds no tensor.
  package var isSearched = false

  /// Whether the recorder says that it is a key-value cache, whatever its type is called.
  package var isToldAsState = false

  /// Whether it is a key-value cache: state that modules share, and no value that one returns.
  package var isState: Bool { isToldAsState || type.hasSuffix("Cache") }

  /// Whether its text shows a tensor, or is cut so that it may.
  ///
  /// Recorders that open no objects, such as vLLM's hooks, leave nothing else of its tensors.
  package var showsTensor: Bool {
    guard !isState, !isSearched else { return false }
    if text.contains("tensor(") || text.contains("Parameter containing") { return true }
    return text.hasSuffix("…") || text.hasSuffix("...")
      || text.utf8.count { $0 == UInt8(ascii: "(") }
        > text.utf8.count { $0 == UInt8(ascii: ")") }
  }
}

extension JSONValue {
  /// The objects in what `inputs.json` or `outputs.json` says, depth first.
  ///
  /// - Parameter slot: The slot of the whole value, such as `inputs`.
  /// - Complexity: O(values).
  package func describedObjects(at slot: Slot) -> [DescribedObject] {
    guard let members else { return [] }
    if let text = members["string_repr"]?.text {
      return [
        DescribedObject(
          slot: slot, type: members["type"]?.text ?? "", text: text,
          isSearched: members["no_tensors"] == .bool(true),
          isToldAsState: members["seq_length"] != nil)
      ]
    }
    var objects: [DescribedObject] = []
    switch members["type"]?.text {
    case "tuple", "list":
      let items = members["items"]?.items ?? members["sample"]?.items ?? []
      for (position, item) in items.enumerated() {
        objects += item.describedObjects(at: slot.appending(String(position)))
      }
    case "dict":
      for (key, item) in (members["items"]?.members ?? [:]).sorted(by: { $0.key < $1.key }) {
        objects += item.describedObjects(at: slot.appending(key))
      }
    default: break
    }
    for (name, item) in (members["kwargs"]?.members ?? [:]).sorted(by: { $0.key < $1.key }) {
      objects += item.describedObjects(at: slot.appending(name))
    }
    return objects
  }
}

extension CallRecord {
  /// Marks what only a text tells of, where that text shows a tensor which the run does not list.
  ///
  /// A tensor among the inputs that is not recorded lowers what is known of them.
  package mutating func markUnrecorded() {
    let recorded = tensors
    lazy var known = Set(recorded.map(\.key.slot))
    for side in Slot.Side.allCases {
      for object in descriptions[side]?.describedObjects(at: Slot(side.rawValue)) ?? []
      where object.showsTensor && !known.contains(object.slot) {
        tensors.append(
          TensorRecord(
            key: TensorKey(call, device: .cpu, slot: object.slot),
            content: .notRecorded(
              reason: "the recorder did not open the \(object.type), so only its text is left")))
      }
    }
    if tensors.contains(where: { $0.notRecorded != nil && $0.key.slot.side == .inputs }) {
      inputCoverage = .partial
    }
  }
}
