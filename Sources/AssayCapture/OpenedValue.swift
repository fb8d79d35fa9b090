public import AssayRuns
import AssayTensors

extension Capturable {
  /// The value as a run stores it: its stored properties, each opened in its turn.
  ///
  /// A struct of tensors needs no more than to conform: its properties are recorded under their
  /// names, as a dataclass of Python's is. What cannot be opened is marked as not recorded.
  public var capturedValue: CapturedValue {
    get throws { try OpenedValue.open(self) }
  }
}

/// Opens what a value holds, and finds tensors that it does not show.
package enum OpenedValue {
  private static let depthLimit = 64
  /// The values that are being opened, of which objects have an identity.
  @TaskLocal private static var parents: [ObjectIdentifier?] = []

  /// A value as it says itself that it is stored, with a mark for tensors that it holds and does not
  /// show.
  ///
  /// One that shows a single tensor is that tensor, whatever else it keeps.
  package static func captured(_ value: some Capturable) throws -> CapturedValue {
    let shown = try value.capturedValue
    switch shown {
    case .tensor, .state: return shown
    default: break
    }
    let root = Slot(Slot.Side.inputs.rawValue)
    guard !(value is any OpenContainer), shown.unrecorded(in: root).isEmpty else { return shown }
    if case .other(let type, _) = shown, isState(type) { return shown }
    let census = TensorCensus(of: value)
    let count = shown.tensors(in: root).count
    guard census.count > count else { return shown }
    let hidden = census.mark(
      value, "it holds \(census.count) tensors and its capturedValue shows \(count)")
    return switch shown {
    case .tuple(let items): .tuple(items + [hidden])
    case .dictionary(let items): .dictionary(items + [(key: "hidden", value: hidden)])
    default: hidden
    }
  }

  /// What a value holds: its stored properties, its items or its payload.
  static func open(_ value: Any) throws -> CapturedValue {
    let identity = type(of: value) is AnyClass ? ObjectIdentifier(value as AnyObject) : nil
    if let identity, parents.contains(identity) {
      return TensorCensus(of: ()).mark(value, "it holds itself")
    }
    guard parents.count < depthLimit else {
      return TensorCensus(of: ()).mark(value, "it is nested too deep")
    }
    return try $parents.withValue(parents + [identity]) { try opened(value) }
  }

  /// Whether a type is a key-value cache: state of the model, and no value of one call.
  static func isState(_ type: String) -> Bool { type.hasSuffix("Cache") }

  private static func opened(_ value: Any) throws -> CapturedValue {
    let type = "\(type(of: value))"
    if isState(type) { return .other(type: type, representation: type) }
    let mirror = Mirror(reflecting: value)
    switch mirror.displayStyle {
    case .optional: return try mirror.children.first.map { try item($0.value) } ?? .none
    case .tuple, .collection: return .tuple(try mirror.children.map { try item($0.value) })
    case .set: return set(value)
    case .dictionary:
      return dictionary(
        value,
        try mirror.children.compactMap { child in
          let pair = Array(Mirror(reflecting: child.value).children)
          return pair.count == 2 ? ("\(pair[0].value)", try item(pair[1].value)) : nil
        })
    default: break
    }
    let properties = mirror.storedProperties
    guard properties.isEmpty else {
      return dictionary(
        value, try properties.enumerated().map { ($1.label ?? "\($0)", try item($1.value)) })
    }
    if let number = (value as? any BinaryInteger).flatMap({ Int(exactly: $0) }) {
      return .integer(number)
    }
    return .other(type: type, representation: "\(value)")
  }

  private static func item(_ value: Any) throws -> CapturedValue {
    if let value = value as? any Capturable { return try captured(value) }
    return try open(value)
  }

  /// A set's items; one of tensors has no order by which to tell them apart.
  static func set(_ value: Any) -> CapturedValue {
    let census = TensorCensus(of: value)
    guard census.count == 0 else {
      return census.mark(value, "a set has no order by which its tensors can be told apart")
    }
    return .other(
      type: "\(type(of: value))",
      representation: Mirror(reflecting: value).children.map { "\($0.value)" }.sorted()
        .joined(separator: ", "))
  }

  /// A dictionary's items, none of whose keys may be written as another one.
  static func dictionary(
    _ value: Any, _ items: [(key: String, value: CapturedValue)]
  ) -> CapturedValue {
    guard Set(items.map { Array($0.key.utf8) }).count == items.count else {
      return TensorCensus(of: value).mark(value, "two of its keys are written alike")
    }
    return .dictionary(items.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) })
  }
}

extension Mirror {
  /// The stored properties, those of a superclass first.
  fileprivate var storedProperties: [Child] {
    (superclassMirror?.storedProperties ?? []) + children
  }
}
