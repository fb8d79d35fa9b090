public import AssayTensors

/// What a `.pt` file holds: tensors, and the plain Python values around them.
public indirect enum TorchValue: Sendable {
  /// A tensor; a parameter or buffer counts as one.
  case tensor(Tensor)
  /// A Python list.
  case list([TorchValue])
  /// A Python tuple, or a `torch.Size`.
  case tuple([TorchValue])
  /// A Python set or frozenset, ordered as the file has it.
  case set([TorchValue])
  /// A Python dictionary, a defaultdict or Counter too, ordered as it was filled.
  case dictionary([(key: TorchValue, value: TorchValue)])
  /// Python's `None`.
  case none
  /// A Python bool.
  case bool(Bool)
  /// A Python integer that fits in 64 bits.
  case integer(Int64)
  /// A Python integer that needs more than 64 bits.
  case longInteger(decimal: String)
  /// A Python complex number.
  case complex(real: Double, imaginary: Double)
  /// A Python float.
  case number(Double)
  /// A Python string.
  case string(String)
  /// A Python bytes or bytearray object.
  case bytes([UInt8])
  /// What this reader does not know, such as a sparse tensor, with a sentence that says so.
  case unreadable(reason: String)
}

extension TorchValue {
  /// All tensors, each with the list indices and dictionary keys that lead to it.
  ///
  /// - Returns: Tensors in the order in which they stand in the file; one with an empty path when
  ///   the value is itself a tensor.
  public func tensors() -> [(path: [String], tensor: Tensor)] {
    members().compactMap { path, member in
      guard case .tensor(let tensor) = member else { return nil }
      return (path, tensor)
    }
  }

  /// A tensor, or what may be one and cannot be read.
  public enum Member: Sendable {
    /// A tensor.
    case tensor(Tensor)
    /// A sentence that says what stands there.
    case unreadable(reason: String)
  }

  /// All tensors and all that cannot be read, each with what leads to it.
  ///
  /// - Returns: Members in the order in which they stand in the file; one with an empty path when
  ///   the value is itself one.
  public func members() -> [(path: [String], member: Member)] {
    var found: [(path: [String], member: Member)] = []
    collectMembers(below: [], into: &found)
    return found
  }

  private func collectMembers(
    below path: [String], into found: inout [(path: [String], member: Member)]
  ) {
    switch self {
    case .tensor(let tensor): found.append((path, .tensor(tensor)))
    case .unreadable(let reason): found.append((path, .unreadable(reason: reason)))
    case .list(let items), .tuple(let items), .set(let items):
      for (index, item) in items.enumerated() {
        item.collectMembers(below: path + [String(index)], into: &found)
      }
    case .dictionary(let items):
      for (key, value) in items {
        value.collectMembers(below: path + [key.pathComponent], into: &found)
      }
    case .none, .bool, .integer, .longInteger, .number, .complex, .string, .bytes:
      break
    }
  }

  /// How a dictionary key reads in a path: as Python's `str` prints it.
  ///
  /// A file may name one long key many times, so what is not shared is cut short.
  private var pathComponent: String {
    switch self {
    case .string(let text): text
    case .integer(let value): String(value)
    case .longInteger(let decimal): decimal.count <= 64 ? decimal : summary
    case .number(let value): String(value)
    case .complex(let real, let imaginary):
      "(\(real)\(imaginary.sign == .minus ? "" : "+")\(imaginary)j)"
    case .bool(let value): value ? "True" : "False"
    case .none: "None"
    case .bytes(let bytes): String(decoding: bytes.prefix(64), as: UTF8.self)
    case .tuple(let items): "(" + items.prefix(8).map(\.shortText).joined(separator: ", ") + ")"
    case .list, .set, .dictionary, .tensor, .unreadable: summary
    }
  }

  private var shortText: String {
    switch self {
    case .string(let text): String(text.prefix(64))
    case .tuple: summary
    default: pathComponent
    }
  }

  /// What the value is, in a few words for a message.
  var summary: String {
    func counted(_ count: Int) -> String { count == 1 ? "1 item" : "\(count) items" }
    return switch self {
    case .tensor: "a tensor"
    case .list(let items): "a list of \(counted(items.count))"
    case .tuple(let items): "a tuple of \(counted(items.count))"
    case .dictionary(let items): "a dictionary of \(counted(items.count))"
    case .none: "None"
    case .bool: "a bool"
    case .integer, .longInteger: "an integer"
    case .complex: "a complex number"
    case .set(let items): "a set of \(counted(items.count))"
    case .unreadable(let reason):
      reason.hasPrefix("it holds ") ? String(reason.dropFirst(9)) : reason
    case .number: "a float"
    case .string: "a string"
    case .bytes: "bytes"
    }
  }
}
