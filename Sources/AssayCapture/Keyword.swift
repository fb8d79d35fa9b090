public import AssayRuns

/// An input that a module is given by keyword: it is recorded as `inputs_<name>`.
public struct Keyword<Value> {
  /// The keyword.
  public let name: String
  /// What is passed under it.
  public let value: Value

  /// Makes a keyword input.
  public init(_ name: String, _ value: Value) {
    self.name = name
    self.value = value
  }
}

extension Keyword: Capturable where Value: Capturable {
  /// The value as a run stores it.
  public var capturedValue: CapturedValue {
    get throws { try OpenedValue.captured(value) }
  }

  /// The same keyword with other tensors in its value.
  public func replacingTensors(_ replacement: TensorReplacement) throws -> Keyword {
    Keyword(name, try value.replacingTensors(replacement))
  }
}

extension Keyword: Sendable where Value: Sendable {}

/// What tells a keyword input from a positional one, whatever its value's type.
protocol NamedInput {
  var name: String { get }
}

extension Keyword: NamedInput {}
