import AssayBase
import AssayRuns
import AssayTensors

/// The inputs of one module call, told apart as Python does.
struct CallArguments {
  var positional: [CapturedValue] = []
  var keywords: [(key: String, value: CapturedValue)] = []

  init<each Input: Capturable>(_ inputs: repeat each Input) throws {
    for input in repeat each inputs {
      if let named = input as? any NamedInput {
        keywords.append((named.name, try OpenedValue.captured(input)))
      } else {
        positional.append(try OpenedValue.captured(input))
      }
    }
  }

  /// The tensors inside, each with its slot.
  func tensors(on side: Slot.Side) -> [(slot: Slot, tensor: Tensor)] {
    let root = Slot(side.rawValue)
    return CapturedValue.tuple(positional).tensors(in: root)
      + keywords.flatMap { $0.value.tensors(in: root.appending($0.key)) }
  }

  /// What is inside and could not be recorded.
  func unrecorded(on side: Slot.Side) -> [CapturedTensor] {
    let root = Slot(side.rawValue)
    return CapturedValue.tuple(positional).unrecorded(in: root)
      + keywords.flatMap { $0.value.unrecorded(in: root.appending($0.key)) }
  }

  /// What `inputs.json` says: a tuple and, only where there are keyword inputs, `kwargs`.
  var description: JSONValue {
    let tuple = CapturedValue.tuple(positional).description
    guard !keywords.isEmpty, case .object(var members) = tuple else { return tuple }
    members["kwargs"] = .object(NameMap(keywords.map { ($0.key, $0.value.description) }))
    return .object(members)
  }
}
