import AssayBase
import AssayTensors
import AssayTorch

/// What a reader gathers of a dump: calls in the order in which they are met, by step.
struct SGLangContents<Source> {
  /// Where each tensor is.
  private(set) var sources: [TensorKey: Source] = [:]
  private var calls: [Int: [CallRecord]] = [:]
  private var positions: [CallKey: Int] = [:]

  /// Adds a tensor to a call, which begins here if it is not known.
  mutating func add(
    _ source: Source, as slot: Slot, of call: CallKey, on device: Device, from file: String
  ) throws(RunError) {
    let key = TensorKey(call, device: device, slot: slot)
    guard sources.updateValue(source, forKey: key) == nil else {
      throw .damaged(path: file, reason: "\(key) is in the dump twice")
    }
    change(call) { $0.tensors.append(TensorRecord(key: key)) }
  }

  /// Changes a call, which begins here if it is not known.
  mutating func change(_ call: CallKey, _ body: (inout CallRecord) -> Void = { _ in }) {
    let position = positions[call] ?? calls[call.step, default: []].count
    if position == calls[call.step, default: []].count {
      // Of what a module was given, a dump has tensors at most, never what an object holds.
      calls[call.step, default: []].append(CallRecord(call: call, inputCoverage: .partial))
      positions[call] = position
    }
    body(&calls[call.step, default: []][position])
  }

  /// The steps, ascending.
  ///
  /// - Parameter rows: What the steps tell of their rows, by step.
  func steps(rows: [Int: SGLangRows]) -> [StepRecord] {
    let told = SGLangRows.followed(rows)
    return calls.sorted { $0.key < $1.key }.map { step, calls in
      StepRecord(index: step, calls: calls, rows: told[step])
    }
  }
}

extension TorchValue {
  /// Reads a file of a dump.
  init(sglang path: String) throws(RunError) {
    do { self = try TorchFile.load(path: path) } catch {
      throw .standIn(at: path)
        ?? .damaged(
          path: path,
          reason: error.reason(about: path)
            + "; if SGLang was stopped while it wrote the file, remove it")
    }
  }

  /// The integers of a tensor with one axis; `nil` for anything else, and for very many.
  var integers: [Int]? {
    guard case .tensor(let tensor) = self, tensor.shape.dimensions.count == 1,
      tensor.elementCount <= 1 << 24, tensor.dtype == .int64 || tensor.dtype == .int32
    else { return nil }
    let values = tensor.float64Values()
    return values.allSatisfy { abs($0) < 0x1p53 } ? values.map { Int($0) } : nil
  }

  /// What of the value is no tensor, as a call's description says it.
  var described: JSONValue {
    func list(_ type: String, _ items: [TorchValue]) -> JSONValue {
      .object(["type": .string(type), "items": .array(items.map(\.described))])
    }
    switch self {
    case .tensor(let tensor):
      return .object([
        "type": .string("tensor"), "dtype": .string("torch." + tensor.dtype.torchName),
        "shape": .array(tensor.shape.dimensions.map { .integer(Int64($0)) }),
      ])
    case .list(let items), .set(let items): return list("list", items)
    case .tuple(let items): return list("tuple", items)
    case .dictionary(let items):
      var members: NameMap<JSONValue> = [:]
      for (key, value) in items {
        switch key {
        case .string(let name): members[name] = value.described
        case .integer(let number): members[String(number)] = value.described
        default: members["a key that is no string"] = value.described
        }
      }
      return .object(["type": .string("dict"), "items": .object(members)])
    case .none: return .null
    case .bool(let value): return .bool(value)
    case .integer(let value): return .integer(value)
    case .longInteger(let text), .string(let text): return .string(text)
    case .number(let value): return JSONValue(real: value)
    case .complex(let real, let imaginary): return .string("\(real) + \(imaginary)j")
    case .bytes(let bytes): return .string("\(bytes.count) bytes")
    case .unreadable(let reason): return .string(reason)
    }
  }

  /// The value under a key of a dictionary.
  func member(_ key: String) -> TorchValue? {
    guard case .dictionary(let items) = self else { return nil }
    for case (.string(let name), let value) in items where name.isSame(as: key) { return value }
    return nil
  }
}
