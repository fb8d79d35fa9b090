package import AssayBase
public import AssayTensors

/// A value that a module received or returned: a tensor, a container of values, or anything else.
public indirect enum CapturedValue: Sendable {
  /// A tensor.
  case tensor(Tensor)
  /// A tuple or a list; on disk both are `tuple`.
  case tuple([CapturedValue])
  /// A dictionary, in its own order; on disk `dict`.
  case dictionary([(key: String, value: CapturedValue)])
  /// No value.
  case none
  /// A boolean.
  case bool(Bool)
  /// An integer.
  case integer(Int)
  /// A floating point number.
  case number(Double)
  /// A text.
  case string(String)
  /// A value that is only described: its type's name and how it prints.
  case other(type: String, representation: String)
  /// A key-value cache, which is the model's state and no value of one call: its type's name, how
  /// it prints, and how many tokens it holds in the layer that holds fewest. Its tensors are not
  /// recorded; a call that was given a filled one has inputs that no run tells of.
  case state(type: String, representation: String, length: Int)
  /// A value that holds tensors which cannot be recorded: its type's name, how it prints, where the
  /// tensors live, and why, in a sentence without a full stop. A comparison fails for it.
  case notRecorded(type: String, representation: String, device: Device, reason: String)
}

extension CapturedValue {
  /// The most elements a tensor may have to be written out under `values`.
  package static let inlineElementLimit = 16
  /// The most items of a tuple that are described one by one.
  package static let describedItemLimit = 20

  /// The tensors inside, depth first, each with its slot.
  ///
  /// - Parameter root: The slot of the value itself, such as `outputs`.
  package func tensors(in root: Slot) -> [(slot: Slot, tensor: Tensor)] {
    switch self {
    case .tensor(let tensor):
      [(root, tensor)]
    case .tuple(let items):
      items.enumerated().flatMap { $1.tensors(in: root.appending(String($0))) }
    case .dictionary(let items):
      items.flatMap { $0.value.tensors(in: root.appending($0.key)) }
    default:
      []
    }
  }

  /// What is inside and could not be recorded, depth first.
  ///
  /// - Parameter root: The slot of the value itself, such as `outputs`.
  package func unrecorded(in root: Slot) -> [CapturedTensor] {
    switch self {
    case .notRecorded(_, _, let device, let reason):
      [.notRecorded(root, device, reason: reason)]
    case .tuple(let items):
      items.enumerated().flatMap { $1.unrecorded(in: root.appending(String($0))) }
    case .dictionary(let items):
      items.flatMap { $0.value.unrecorded(in: root.appending($0.key)) }
    default:
      []
    }
  }

  /// The value as `inputs.json` and `outputs.json` describe it.
  package var description: JSONValue {
    switch self {
    case .tensor(let tensor): CapturedValue.describe(tensor)
    case .tuple(let items): CapturedValue.describe(items)
    case .dictionary(let items):
      .object([
        "type": .string("dict"),
        "items": .object(NameMap(items.map { ($0.key, $0.value.description) })),
      ])
    case .none: .null
    case .bool(let value): .bool(value)
    case .integer(let value): .integer(Int64(value))
    case .number(let value): JSONValue(real: value)
    case .string(let value): .string(value)
    case .other(let type, let representation):
      .object(["type": .string(type), "string_repr": .string(representation)])
    case .state(let type, let representation, let length):
      .object([
        "type": .string(type), "string_repr": .string(representation),
        "seq_length": .integer(Int64(length)),
      ])
    case .notRecorded(let type, let representation, _, let reason):
      .object([
        "type": .string(type), "string_repr": .string(representation),
        "not_recorded": .string(reason),
      ])
    }
  }

  private static func describe(_ items: [CapturedValue]) -> JSONValue {
    guard items.count > describedItemLimit else {
      return .object([
        "type": .string("tuple"), "items": .array(items.map(\.description)),
      ])
    }
    return .object([
      "type": .string("tuple"),
      "length": .integer(Int64(items.count)),
      "sample": .array(items.prefix(describedItemLimit).map(\.description)),
      "note": .string("the first \(describedItemLimit) of \(items.count) items"),
    ])
  }

  private static func describe(_ tensor: Tensor) -> JSONValue {
    var members: [String: JSONValue] = [
      "type": .string("tensor"),
      "shape": .array(tensor.shape.dimensions.map { .integer(Int64($0)) }),
      "dtype": .string(tensor.dtype.torchName),
      "numel": .integer(Int64(tensor.elementCount)),
    ]
    if tensor.elementCount <= inlineElementLimit, tensor.dtype.packedCount == 1 {
      members["values"] = .array(tensor.elementDescriptions)
    }
    return .object(members)
  }
}
