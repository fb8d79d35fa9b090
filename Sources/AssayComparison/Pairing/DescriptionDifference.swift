import AssayBase
import AssayRuns
import AssayTensors

/// What two descriptions of a call's inputs or outputs tell apart besides tensors.
///
/// Tensors are compared by themselves and describe the same here, whatever they hold.
struct DescriptionDifference {
  /// The first differing value, such as `inputs[1] is 3 instead of 4`.
  var text: String

  /// Compares what both sides describe of a call; what only one describes is not judged.
  init?(actual: [Slot.Side: JSONValue], expected: [Slot.Side: JSONValue]) {
    for side in Slot.Side.allCases {
      guard let ours = actual[side], let theirs = expected[side],
        let text = Self.difference(ours, theirs, side.rawValue)
      else { continue }
      self.text = text
      return
    }
    return nil
  }

  private static func difference(
    _ actual: JSONValue, _ expected: JSONValue, _ place: String
  ) -> String? {
    if isTensor(actual), isTensor(expected) { return nil }
    if let ours = items(actual), let theirs = items(expected) {
      for (index, (a, e)) in zip(ours, theirs).enumerated() {
        if let found = difference(a, e, "\(place)[\(index)]") { return found }
      }
      return ours.count == theirs.count
        ? nil : "\(place) has \(ours.count) items instead of \(theirs.count)"
    }
    if let ours = actual.members, let theirs = expected.members {
      for key in Set((ours.keys + theirs.keys).map { ExactName($0) }).sorted().map(\.text) {
        // Containers are named by what they hold, not by how the file wraps it.
        let inner = key == "items" ? place : "\(place).\(key)"
        // What one recorder says of a value and an older one did not.
        if annotations.contains(key), ours[key] == nil || theirs[key] == nil { continue }
        switch (ours[key], theirs[key]) {
        case (let a?, let e?):
          if let found = difference(a, e, inner) { return found }
        case (let a, let e):
          return "\(inner) is \(words(a)) instead of \(words(e))"
        }
      }
      return nil
    }
    guard shown(actual) != shown(expected) else { return nil }
    return "\(place) is \(words(actual)) instead of \(words(expected))"
  }

  private static let annotations: Set = ["no_tensors", "seq_length", "not_recorded"]

  private static func isTensor(_ value: JSONValue) -> Bool {
    value.members?["type"] == .string("tensor")
  }

  /// The items of an array or of a tuple as a description wraps it.
  private static func items(_ value: JSONValue) -> [JSONValue]? {
    guard let members = value.members else { return value.items }
    return members.count == 2 && members["type"] == .string("tuple") ? members["items"]?.items : nil
  }

  /// The value with what changes from process to process taken out: an object's address.
  private static func shown(_ value: JSONValue) -> JSONValue {
    guard let text = value.text else { return value }
    return .string(text.replacing(/0x[0-9a-fA-F]+/, with: "0x"))
  }

  private static func words(_ value: JSONValue?) -> String {
    switch value {
    case nil: "absent"
    case .null?: "None"
    case .bool(let value)?: value ? "True" : "False"
    case .integer(let value)?: "\(value)"
    case .number(let value)?: "\(value)"
    case .string(let value)?: "\"\(value.prefix(80))\""
    case .array(let items)?: "a list of \(items.count) items"
    case .object(let members)?: "a \(members["type"]?.text ?? "value")"
    }
  }
}
