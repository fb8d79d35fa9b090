import AssayBase
internal import AssayTensors

/// Turns what a pickle described into values and tensors.
struct ValueBuilder<Source: StorageSource> {
  private let unpickler: Unpickler
  private let source: Source
  private var budget: MemoryBudget
  private var path: String { unpickler.path }

  private var storages: [Int: Storage] = [:]
  private var swappedStorages: [SwappedKey: Storage] = [:]
  private var tensors: [Int: Tensor] = [:]
  private var texts: [Int: TorchValue] = [:]
  private var containers: [Int: Built] = [:]
  /// Containers that are being turned, from the outermost inwards.
  private var open: Set<Int> = []

  private struct SwappedKey: Hashable {
    var storage: Int
    var width: Int
  }

  /// A value with its number of parts, which sharing may make large.
  private struct Built {
    var value: TorchValue
    var count: Int
    var depth: Int
  }

  /// Deeper nesting than anyone means; values are walked by recursion.
  private static var depthLimit: Int { 128 }
  /// More parts than values have that share what they hold as programs do; each takes memory
  /// once they are listed.
  private let countLimit: Int

  init(_ unpickler: Unpickler, source: Source, budget: MemoryBudget) {
    self.unpickler = unpickler
    self.source = source
    self.budget = budget
    countLimit = 1 << 16 + 4 * unpickler.operations
  }

  mutating func value(of object: PickleObject) throws(TorchError) -> TorchValue {
    try build(object).value
  }

  private mutating func build(_ object: PickleObject) throws(TorchError) -> Built {
    if case .container(let index) = object { return try build(container: index) }
    return Built(value: try simpleValue(of: object), count: 1, depth: 0)
  }

  private mutating func simpleValue(of object: PickleObject) throws(TorchError) -> TorchValue {
    switch object {
    case .none: return .none
    case .bool(let flag): return .bool(flag)
    case .integer(let number): return .integer(number)
    case .longInteger(let range): return longInteger(range)
    case .number(let number): return .number(number)
    case .string(let range), .bytes(let range), .latin1(let range):
      return try text(object, range)
    case .container(let index): return try build(container: index).value
    case .global(.dtype(let dtype)): return .string(dtype.torchName)
    case .global: return .unreadable(reason: "it holds a class or a function as a value")
    case .storage: return .unreadable(reason: "it holds a storage that is not a tensor's")
    case .unreadable(let index): return .unreadable(reason: unpickler.reasons[index])
    case .tensor(let index): return .tensor(try tensor(index))
    }
  }
}

// MARK: - Plain values

extension ValueBuilder {
  /// A string or bytes, made once however often the pickle names it.
  private mutating func text(
    _ object: PickleObject, _ range: Range<Int>
  ) throws(TorchError) -> TorchValue {
    // A text may be named both as a string and as bytes: those keep separate places.
    var slot = range.lowerBound * 2
    if case .latin1 = object { slot += 1 }
    if !range.isEmpty, let known = texts[slot] { return known }
    let bytes = unpickler.reader.bytes
    let value: TorchValue
    switch object {
    case .bytes: value = .bytes(Array(bytes[range]))
    case .latin1:
      guard let text = bytes.text(range), text.unicodeScalars.allSatisfy({ $0.value < 256 }) else {
        throw .malformed(path: path, reason: "its pickle holds bytes that are no Latin-1 text")
      }
      value = .bytes(text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) })
    default:
      guard let text = bytes.text(range) else {
        throw .malformed(path: path, reason: "its pickle holds a string that is not UTF-8")
      }
      value = .string(text)
    }
    texts[slot] = value
    return value
  }

  /// An integer's digits, made once however often the pickle names it.
  private mutating func longInteger(_ range: Range<Int>) -> TorchValue {
    // Converting takes time that grows with the square of the size.
    guard range.count <= 1024 else {
      return .unreadable(reason: "it holds an integer of \(range.count) bytes")
    }
    let slot = range.lowerBound * 2
    if let known = texts[slot] { return known }
    let value = TorchValue.longInteger(
      decimal: BigDecimal.text(twosComplement: Array(unpickler.reader.bytes[range])))
    texts[slot] = value
    return value
  }

  private mutating func build(container index: Int) throws(TorchError) -> Built {
    if let known = containers[index] { return known }
    guard open.insert(index).inserted else {
      let value = TorchValue.unreadable(reason: "it holds a container that contains itself")
      return Built(value: value, count: 1, depth: 0)
    }
    guard open.count <= Self.depthLimit else { throw tooDeep() }
    defer { open.remove(index) }
    let container = unpickler.containers[index]
    var values: [TorchValue] = []
    values.reserveCapacity(container.items.count)
    var count = 1
    var depth = 0
    for item in container.items {
      let built = try build(item)
      values.append(built.value)
      count += built.count
      depth = max(depth, built.depth)
      guard count <= countLimit else {
        throw .excessive(path: path, reason: "it unfolds to more than \(countLimit) values")
      }
    }
    // A container known already may be nested deeper than it was when it was built.
    guard depth + 1 <= Self.depthLimit else { throw tooDeep() }
    let built = Built(value: try join(values, container.kind), count: count, depth: depth + 1)
    containers[index] = built
    return built
  }

  private func tooDeep() -> TorchError {
    .excessive(path: path, reason: "its values are nested more than \(Self.depthLimit) deep")
  }

  private func join(
    _ values: [TorchValue], _ kind: PickleContainer.Kind
  ) throws(TorchError) -> TorchValue {
    switch kind {
    case .list: return .list(values)
    case .tuple: return .tuple(values)
    case .set: return .set(values)
    case .complex:
      guard case .number(let real) = values[0], case .number(let imaginary) = values[1] else {
        throw .malformed(path: path, reason: "its pickle describes an unknown complex number")
      }
      return .complex(real: real, imaginary: imaginary)
    case .numpyArray, .numpyDType:
      return .unreadable(
        reason: "it holds a \(kind == .numpyArray ? "NumPy array" : "NumPy dtype")")
    case .device:
      switch (values.first, values.dropFirst().first) {
      case (.string(let type)?, nil): return .string(type)
      case (.string(let type)?, .integer(let index)?): return .string("\(type):\(index)")
      default: throw .malformed(path: path, reason: "its pickle describes an unknown device")
      }
    case .dictionary, .orderedDictionary:
      return .dictionary(try pairs(values))
    }
  }

  private func pairs(
    _ values: [TorchValue]
  ) throws(TorchError) -> [(key: TorchValue, value: TorchValue)] {
    var pairs: [(key: TorchValue, value: TorchValue)] = []
    pairs.reserveCapacity(values.count / 2)
    var names: Set<ExactName> = []
    var numbers: Set<Int64> = []
    for index in stride(from: 0, to: values.count, by: 2) {
      let isNew =
        switch values[index] {
        case .string(let name): names.insert(ExactName(name)).inserted
        case .integer(let number): numbers.insert(number).inserted
        case .list, .dictionary, .unreadable:
          throw TorchError.malformed(
            path: path, reason: "a dictionary has a key that is none: \(values[index].summary)")
        default: true
        }
      guard isNew else {
        throw .malformed(path: path, reason: "a dictionary has the same key twice")
      }
      pairs.append((values[index], values[index + 1]))
    }
    return pairs
  }
}

// MARK: - Tensors

extension ValueBuilder {
  private mutating func tensor(_ index: Int) throws(TorchError) -> Tensor {
    if let known = tensors[index] { return known }
    let description = unpickler.tensors[index]
    let reference = unpickler.storages[description.storage]
    let storage = try storage(
      description.storage, reference, width: description.dtype.scalarByteCount)
    let device = description.device ?? reference.location
    var tensor: Tensor
    do throws(TensorError) {
      let (offset, overflow) = description.offset.multipliedReportingOverflow(
        by: description.dtype.byteCount)
      guard !overflow else { throw .outOfBounds(neededBytes: .max, availableBytes: 0) }
      tensor = try Tensor(
        storage: storage, dtype: description.dtype, shape: Shape(description.size),
        strides: description.strides, byteOffset: offset, device: Device(device))
    } catch {
      let reason = "storage \(quoted(reference.key)): \(error)"
      if case .excessiveExpansion = error { throw .excessive(path: path, reason: reason) }
      throw .malformed(path: path, reason: reason)
    }
    if description.isConjugate || description.isNegative {
      guard description.isConjugate ? tensor.dtype.isComplex : tensor.dtype.isNegatable else {
        throw .malformed(
          path: path, reason: "it marks a tensor of \(tensor.dtype) as conjugated or negated")
      }
      try budget.spend(tensor.byteCount, on: "conjugating or negating a tensor")
      tensor = tensor.resolved(
        conjugating: description.isConjugate, negating: description.isNegative)
    }
    if description.isWidened {
      try budget.spend(tensor.byteCount, on: "narrowing a tensor to bfloat16")
      tensor = tensor.narrowedToBFloat16()
    }
    tensors[index] = tensor
    return tensor
  }

  /// The bytes of a storage, little-endian for elements whose units have `width` bytes.
  private mutating func storage(
    _ index: Int, _ reference: StorageReference, width: Int
  ) throws(TorchError) -> Storage {
    let plain: Storage
    if let known = storages[index] {
      plain = known
    } else {
      plain = try bytes(of: reference)
      storages[index] = plain
    }
    let isBigEndian = reference.embedded?.isBigEndian ?? source.isBigEndian
    guard isBigEndian, width > 1 else { return plain }
    let key = SwappedKey(storage: index, width: width)
    if let known = swappedStorages[key] { return known }
    try budget.spend(plain.byteCount, on: "swapping the bytes of a big-endian storage")
    let swapped = plain.swapped(width: width)
    swappedStorages[key] = swapped
    return swapped
  }

  private mutating func bytes(of reference: StorageReference) throws(TorchError) -> Storage {
    guard let embedded = reference.embedded else {
      return try source.bytes(of: reference, budget: &budget)
    }
    try budget.spend(embedded.range.count, on: "a numpy array in the pickle")
    let text: PickleObject =
      embedded.isLatin1 ? .latin1(embedded.range) : .bytes(embedded.range)
    guard case .bytes(let bytes) = try self.text(text, embedded.range) else {
      throw .malformed(path: path, reason: "its pickle holds a numpy array without bytes")
    }
    let needed = reference.elementCount * reference.elementSize
    guard bytes.count == needed else {
      throw .malformed(
        path: path, reason: "a numpy array in its pickle has \(bytes.count) bytes, not \(needed)")
    }
    return Storage(byteCount: needed) { $0.copyBytes(from: bytes) }
  }
}
