public import AssayRuns

/// A type whose conformance opens every value that it holds.
protocol OpenContainer {}

extension CapturedValue: OpenContainer {}
extension Optional: OpenContainer {}
extension Array: OpenContainer {}
extension Dictionary: OpenContainer {}
extension Keyword: OpenContainer {}

extension ContiguousArray: Capturable, OpenContainer where Element: Capturable {
  /// The value as a run stores it: that of an array.
  public var capturedValue: CapturedValue {
    get throws { try Array(self).capturedValue }
  }

  /// The same value with other tensors.
  public func replacingTensors(_ replacement: TensorReplacement) throws -> ContiguousArray {
    ContiguousArray(try Array(self).replacingTensors(replacement))
  }
}

extension ArraySlice: Capturable, OpenContainer where Element: Capturable {
  /// The value as a run stores it: that of an array.
  public var capturedValue: CapturedValue {
    get throws { try Array(self).capturedValue }
  }

  /// The same value with other tensors.
  public func replacingTensors(_ replacement: TensorReplacement) throws -> ArraySlice {
    ArraySlice(try Array(self).replacingTensors(replacement))
  }
}

extension Set: Capturable, OpenContainer where Element: Capturable {
  /// The value as a run describes it; tensors of a set are not recorded, for it has no order.
  public var capturedValue: CapturedValue { OpenedValue.set(self) }
}
