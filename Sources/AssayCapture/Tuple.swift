public import AssayRuns

/// Several values that a module is given as one: a tuple, which cannot conform to anything itself.
///
/// ```swift
/// try probe("attn", hidden, Tuple(cos, sin)) { try attention($0, $1.items) }  // inputs_1_0, inputs_1_1
/// ```
public struct Tuple<each Item: Capturable>: Capturable, OpenContainer {
  /// The values.
  public var items: (repeat each Item)

  /// Makes one of its values.
  public init(_ items: repeat each Item) {
    self.items = (repeat each items)
  }

  /// The value as a run stores it: a tuple.
  public var capturedValue: CapturedValue {
    get throws {
      var values: [CapturedValue] = []
      repeat values.append(try OpenedValue.captured(each items))
      return .tuple(values)
    }
  }

  /// The same values with other tensors.
  public func replacingTensors(_ replacement: TensorReplacement) throws -> Tuple {
    var position = 0
    func replaced<Value: Capturable>(_ item: Value) throws -> Value {
      defer { position += 1 }
      return try item.replacingTensors(replacement.appending(String(position)))
    }
    return Tuple(repeat try replaced(each items))
  }
}

extension Tuple: Sendable where repeat each Item: Sendable {}
