public import AssayRuns
public import AssayTensors

/// A value that a probe can record: a tensor, a container of values, or something to describe.
public protocol Capturable {
  /// The value as a run stores it; asked for only when a recorder wants the call.
  var capturedValue: CapturedValue { get }
}

extension CapturedValue: Capturable {
  /// The value as a run stores it.
  public var capturedValue: CapturedValue { self }
}

extension Tensor: Capturable {
  /// The value as a run stores it.
  public var capturedValue: CapturedValue { .tensor(self) }
}

extension Optional: Capturable where Wrapped: Capturable {
  /// The value as a run stores it.
  public var capturedValue: CapturedValue { self?.capturedValue ?? .none }
}

extension Array: Capturable where Element: Capturable {
  /// The value as a run stores it.
  public var capturedValue: CapturedValue { .tuple(map(\.capturedValue)) }
}

extension Int: Capturable {
  /// The value as a run stores it.
  public var capturedValue: CapturedValue { .integer(self) }
}

extension Bool: Capturable {
  /// The value as a run stores it.
  public var capturedValue: CapturedValue { .bool(self) }
}

extension Double: Capturable {
  /// The value as a run stores it.
  public var capturedValue: CapturedValue { .number(self) }
}

extension String: Capturable {
  /// The value as a run stores it.
  public var capturedValue: CapturedValue { .string(self) }
}

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
  public var capturedValue: CapturedValue { value.capturedValue }
}

extension Keyword: Sendable where Value: Sendable {}

/// What tells a keyword input from a positional one, whatever its value's type.
protocol NamedInput {
  var name: String { get }
}

extension Keyword: NamedInput {}
