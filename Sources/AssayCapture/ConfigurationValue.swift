import AssayBase
import AssayRuns
import AssayTensors

/// One value of a configuration, read as the type that its key asks for.
struct ConfigurationValue {
  var key: String
  var value: JSONValue

  var isNull: Bool { value == .null }

  private func wrongType(_ expected: String, found: JSONValue? = nil) -> CaptureError {
    .wrongType(key: key, expected: expected, found: (found ?? value).kind)
  }

  func bool() throws(CaptureError) -> Bool {
    guard case .bool(let flag) = value else { throw wrongType("true or false") }
    return flag
  }

  func nonEmptyString() throws(CaptureError) -> String {
    guard let text = value.text else { throw wrongType("a string") }
    guard !text.isEmpty else {
      throw .invalidValue(key: key, value: "\"\"", reason: "it names no directory")
    }
    return text
  }

  func natural() throws(CaptureError) -> Int {
    try natural(value, "an integer or null")
  }

  func naturals() throws(CaptureError) -> [Int] {
    let expected = "an array of integers"
    guard let items = value.items else { throw wrongType(expected) }
    return try items.map { item throws(CaptureError) in try natural(item, expected) }
  }

  private func natural(_ value: JSONValue, _ expected: String) throws(CaptureError) -> Int {
    guard let number = value.int else { throw wrongType(expected, found: value) }
    guard number >= 0 else {
      throw .invalidValue(key: key, value: "\(number)", reason: "it must not be negative")
    }
    return number
  }

  func strings(_ expected: String) throws(CaptureError) -> [String] {
    guard let items = value.items else { throw wrongType(expected) }
    return try items.map { item throws(CaptureError) in
      guard let text = item.text else { throw wrongType(expected, found: item) }
      return text
    }
  }

  func moduleFilter() throws(CaptureError) -> ModuleFilter {
    let sources =
      if let text = value.text { [text] } else {
        try strings("a string, an array of strings or null")
      }
    return ModuleFilter(rules: try sources.map { source throws(CaptureError) in try rule(source) })
  }

  private func rule(_ source: String) throws(CaptureError) -> ModuleFilter.Rule {
    do {
      return try ModuleFilter.Rule(source)
    } catch {
      throw .invalidValue(key: key, value: "\"\(source)\"", reason: error.reason)
    }
  }

  func keep() throws(CaptureError) -> TensorKeep {
    let valid = TensorKeep.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
    guard let name = value.text else { throw wrongType(valid) }
    guard let keep = TensorKeep(rawValue: name) else {
      throw .invalidValue(key: key, value: "\"\(name)\"", reason: "valid values: \(valid)")
    }
    return keep
  }

  func formats() throws(CaptureError) -> [CaptureConfiguration.Format] {
    let valid = CaptureConfiguration.Format.allCases.map { "\"\($0.rawValue)\"" }
      .joined(separator: ", ")
    var formats: [CaptureConfiguration.Format] = []
    for name in try strings("an array of \(valid)") {
      guard let format = CaptureConfiguration.Format(rawValue: name) else {
        throw .invalidValue(key: key, value: "\"\(name)\"", reason: "valid formats: \(valid)")
      }
      if !formats.contains(format) { formats.append(format) }
    }
    guard !formats.isEmpty else {
      throw .invalidValue(key: key, value: "[]", reason: "valid formats: \(valid)")
    }
    return formats
  }
}

extension JSONValue {
  /// What a value is, for messages.
  var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .integer, .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}
