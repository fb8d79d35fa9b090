public import AssayRuns

/// A value that a probe can record: a tensor, a container of values, or something to describe.
///
/// Types that hold one tensor conform to ``TensorConvertible`` instead, which gives all of this.
public protocol Capturable {
  /// The value as a run stores it; asked for only when a recorder wants the call.
  ///
  /// The default opens the value's stored properties.
  ///
  /// - Throws: What keeps the value from becoming a tensor; the probe's call throws it on.
  var capturedValue: CapturedValue { get throws }

  /// The same value with other tensors, for a module that is judged by itself.
  ///
  /// The default is the value itself, as long as nothing stands in the place of its tensors.
  ///
  /// - Parameter replacement: What stands in the place of this value's tensors.
  /// - Throws: ``CaptureError/notReplaceable(type:slot:)`` where there is a tensor that the type
  ///   does not know to take.
  func replacingTensors(_ replacement: TensorReplacement) throws -> Self

  /// What an array of such values is recorded as; a tuple, unless the type makes it one tensor.
  static func capturedValue(ofArray array: [Self]) throws -> CapturedValue

  /// The same array with other tensors.
  static func replacingTensors(
    ofArray array: [Self], _ replacement: TensorReplacement
  ) throws -> [Self]
}

extension Capturable {
  /// The value itself, as long as nothing stands in the place of its tensors.
  public func replacingTensors(_ replacement: TensorReplacement) throws -> Self {
    for (slot, _) in try capturedValue.tensors(in: replacement.slot)
    where try replacement.tensor(in: slot) != nil {
      throw CaptureError.notReplaceable(type: "\(Self.self)", slot: slot)
    }
    return self
  }

  /// A tuple of the items.
  public static func capturedValue(ofArray array: [Self]) throws -> CapturedValue {
    .tuple(try array.map { try OpenedValue.captured($0) })
  }

  /// An array of the items, each with its own tensors replaced.
  public static func replacingTensors(
    ofArray array: [Self], _ replacement: TensorReplacement
  ) throws -> [Self] {
    try array.enumerated().map { try $1.replacingTensors(replacement.appending(String($0))) }
  }
}

extension CapturedValue: Capturable {
  /// The value as a run stores it.
  public var capturedValue: CapturedValue { self }

  /// The same value with other tensors.
  public func replacingTensors(_ replacement: TensorReplacement) throws -> CapturedValue {
    switch self {
    case .tensor(let tensor):
      .tensor(try tensor.replacingTensors(replacement))
    case .tuple(let items):
      .tuple(try CapturedValue.replacingTensors(ofArray: items, replacement))
    case .dictionary(let items):
      .dictionary(
        try items.map { ($0.key, try $0.value.replacingTensors(replacement.appending($0.key))) })
    case .none, .bool, .integer, .number, .string, .other, .state, .notRecorded:
      self
    }
  }
}

extension Optional: Capturable where Wrapped: Capturable {
  /// The value as a run stores it.
  public var capturedValue: CapturedValue {
    get throws { try map { try OpenedValue.captured($0) } ?? .none }
  }

  /// The same value with other tensors; nothing stays nothing.
  public func replacingTensors(_ replacement: TensorReplacement) throws -> Wrapped? {
    try map { try $0.replacingTensors(replacement) }
  }
}

extension Array: Capturable where Element: Capturable {
  /// The value as a run stores it: one tensor, or a tuple.
  public var capturedValue: CapturedValue {
    get throws { try Element.capturedValue(ofArray: self) }
  }

  /// The same value with other tensors.
  public func replacingTensors(_ replacement: TensorReplacement) throws -> [Element] {
    try Element.replacingTensors(ofArray: self, replacement)
  }

  /// One tensor of rows of numbers, else a tuple.
  public static func capturedValue(ofArray array: [[Element]]) throws -> CapturedValue {
    // Asked at run time, because a type has only one conformance, whatever its elements.
    if let row = Self.self as? any TensorArrayElement.Type {
      return .tensor(try row.tensor(ofRows: array))
    }
    return .tuple(try array.map { try $0.capturedValue })
  }

  /// The same rows with other tensors.
  public static func replacingTensors(
    ofArray array: [[Element]], _ replacement: TensorReplacement
  ) throws -> [[Element]] {
    if let row = Self.self as? any TensorArrayElement.Type {
      return try row.replacing(rows: array, replacement)
    }
    return try array.enumerated().map {
      try $1.replacingTensors(replacement.appending(String($0)))
    }
  }
}

extension Dictionary: Capturable where Value: Capturable {
  /// The value as a run stores it, sorted by how its keys are written.
  public var capturedValue: CapturedValue {
    get throws {
      OpenedValue.dictionary(
        self, try map { (key: "\($0.key)", value: try OpenedValue.captured($0.value)) })
    }
  }

  /// The same value with other tensors.
  public func replacingTensors(_ replacement: TensorReplacement) throws -> [Key: Value] {
    var replaced = self
    for (key, value) in self {
      replaced[key] = try value.replacingTensors(replacement.appending("\(key)"))
    }
    return replaced
  }
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

extension Float: Capturable {
  /// The value as a run stores it.
  public var capturedValue: CapturedValue { .number(Double(self)) }
}

extension String: Capturable {
  /// The value as a run stores it.
  public var capturedValue: CapturedValue { .string(self) }
}
