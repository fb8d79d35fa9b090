/// What can be made of a JSON value.
package protocol JSONReadable {
  /// Reads a value.
  ///
  /// - Throws: ``JSONError``, and errors of its own.
  init(json: JSONValue) throws
}

extension JSONValue {
  /// Reads a member that must be there.
  package func member<Value: JSONReadable>(
    _ key: String, as type: Value.Type = Value.self
  ) throws -> Value {
    try member(key, Value.init(json:))
  }

  /// Reads a member that must be there in a way of one's own.
  package func member<Value>(
    _ key: String, _ read: (JSONValue) throws -> Value
  ) throws -> Value {
    guard case .object(let members) = self else { throw JSONError.wrongType }
    guard let value = members[key] else { throw JSONError.missing.under(key: key) }
    do { return try read(value) } catch let error as JSONError { throw error.under(key: key) }
  }

  /// Reads a member; `nil` where it is missing or null.
  package func optional<Value: JSONReadable>(
    _ key: String, as type: Value.Type = Value.self
  ) throws -> Value? {
    guard case .object(let members) = self else { throw JSONError.wrongType }
    guard let value = members[key], value != .null else { return nil }
    return try member(key)
  }

  /// An integer of at least 0.
  package func natural() throws -> Int {
    guard let int, int >= 0 else { throw JSONError.wrongType }
    return int
  }

  /// Reads every item of an array.
  package func items<Item>(_ read: (JSONValue) throws -> Item) throws -> [Item] {
    guard case .array(let values) = self else { throw JSONError.wrongType }
    var items: [Item] = []
    items.reserveCapacity(values.count)
    for (position, value) in values.enumerated() {
      do {
        items.append(try read(value))
      } catch let error as JSONError {
        throw error.under(position: position)
      }
    }
    return items
  }
}

extension JSONValue: JSONReadable {
  package init(json: JSONValue) { self = json }
}

extension String: JSONReadable {
  package init(json: JSONValue) throws {
    guard let text = json.text else { throw JSONError.wrongType }
    self = text
  }
}

extension Bool: JSONReadable {
  package init(json: JSONValue) throws {
    guard case .bool(let value) = json else { throw JSONError.wrongType }
    self = value
  }
}

extension Int: JSONReadable {
  package init(json: JSONValue) throws {
    guard let value = json.int else {
      if case .number = json { throw JSONError.invalid }
      throw JSONError.wrongType
    }
    self = value
  }
}

extension Double: JSONReadable {
  /// A number, which JSON writes as a string where it is not finite.
  package init(json: JSONValue) throws {
    switch json {
    case .integer(let value): self = Double(value)
    case .number(let value): self = value
    case .string("inf"): self = .infinity
    case .string("-inf"): self = -.infinity
    case .string("nan"): self = .nan
    case .string(let text):
      // A whole number that no signed 64 bits hold is kept as its digits.
      guard let value = UInt64(text) else { throw JSONError.wrongType }
      self = Double(value)
    default: throw JSONError.wrongType
    }
  }
}

extension Array: JSONReadable where Element: JSONReadable {
  package init(json: JSONValue) throws {
    self = try json.items(Element.init(json:))
  }
}

extension NameMap: JSONReadable where Value: JSONReadable {
  package init(json: JSONValue) throws {
    guard case .object(let members) = json else { throw JSONError.wrongType }
    self.init()
    for (key, value) in members {
      do { self[key] = try Value(json: value) } catch let error as JSONError {
        throw error.under(key: key)
      }
    }
  }
}

extension Dictionary: JSONReadable where Key == String, Value: JSONReadable {
  /// An object; keys that are the same text in two Unicode spellings have no place in it.
  package init(json: JSONValue) throws {
    let members = try NameMap<Value>(json: json)
    self.init(members.lazy.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    guard count == members.count else { throw JSONError.invalid }
  }
}
