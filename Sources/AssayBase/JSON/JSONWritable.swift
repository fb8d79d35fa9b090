/// What JSON can be made of.
package protocol JSONWritable {
  /// The value as JSON.
  var jsonValue: JSONValue { get }
}

extension JSONValue {
  /// An object of the members that are there.
  package static func object(of members: KeyValuePairs<String, (any JSONWritable)?>) -> JSONValue {
    var object: NameMap<JSONValue> = [:]
    for (key, value) in members { object[key] = value?.jsonValue }
    return .object(object)
  }
}

extension JSONValue: JSONWritable {
  package var jsonValue: JSONValue { self }
}

extension String: JSONWritable {
  package var jsonValue: JSONValue { .string(self) }
}

extension Bool: JSONWritable {
  package var jsonValue: JSONValue { .bool(self) }
}

extension Int: JSONWritable {
  package var jsonValue: JSONValue { .integer(Int64(self)) }
}

extension Array: JSONWritable where Element: JSONWritable {
  package var jsonValue: JSONValue { .array(map(\.jsonValue)) }
}

extension Dictionary: JSONWritable where Key == String, Value: JSONWritable {
  package var jsonValue: JSONValue { .object(mapValues(\.jsonValue)) }
}
