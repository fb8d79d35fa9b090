internal import AssayTensors

extension Unpickler {
  mutating func pushGlobal() throws(TorchError) {
    guard let module = reader.takeLine(limit: 256), let name = reader.takeLine(limit: 256) else {
      throw malformed("the pickle names a global without an end")
    }
    try pushGlobal(module: module, name: name)
  }

  mutating func pushStackGlobal() throws(TorchError) {
    guard case .string(let name) = try pop(), case .string(let module) = try pop(),
      name.count <= 256, module.count <= 256
    else { throw malformed("the pickle names a global by something that is no short string") }
    try pushGlobal(module: module, name: name)
  }

  private mutating func pushGlobal(module: Range<Int>, name: Range<Int>) throws(TorchError) {
    guard let module = reader.bytes.text(module), let name = reader.bytes.text(name) else {
      throw malformed("the pickle names a global that is not UTF-8")
    }
    switch TorchGlobal.look(up: module, name) {
    case .allowed(let global): push(.global(global))
    case .unsupported(let kind): push(unreadable(kind))
    case .forbidden:
      throw .forbiddenGlobal(
        path: path, name: String(quoted("\(module).\(name)").dropFirst().dropLast()))
    }
  }

  /// A stand-in for what cannot be read, so that the rest of the file can.
  mutating func unreadable(_ kind: String) -> PickleObject {
    reasons.append("it holds \(kind)")
    return .unreadable(reasons.count - 1)
  }

  /// What a class gives without its initializer: nothing that is known here.
  mutating func makeNew(
    _ type: PickleObject, _ arguments: PickleObject
  ) throws(TorchError) -> PickleObject {
    guard case .unreadable = type, container(arguments)?.kind == .tuple else {
      throw malformed("the pickle makes a new object of \(type.kind)")
    }
    return type
  }

  /// What a global gives for its arguments.
  mutating func call(
    _ function: PickleObject, _ arguments: PickleObject
  ) throws(TorchError) -> PickleObject {
    if case .unreadable = function, container(arguments)?.kind == .tuple { return function }
    guard case .global(let global) = function else {
      throw malformed("the pickle calls \(function.kind)")
    }
    guard let tuple = container(arguments), tuple.kind == .tuple else {
      throw malformed("the pickle calls \(global) with \(arguments.kind) as its arguments")
    }
    return try call(global, tuple.items)
  }

  private mutating func call(
    _ global: TorchGlobal, _ arguments: [PickleObject]
  ) throws(TorchError) -> PickleObject {
    // No function of the list takes more than 8.
    for case .unreadable(let reason) in arguments.prefix(8) { return .unreadable(reason) }
    switch global {
    case .rebuildTensor, .rebuildTensorV2, .rebuildTensorV3:
      return try rebuildTensor(global, arguments)
    case .rebuildNPUTensor: return try rebuildNPUTensor(arguments)
    case .rebuildFromCPUTensor, .rebuildFromNumPy: return try rebuildDeviceTensor(arguments)
    case .npuFormat where arguments.count == 1:
      if case .integer = arguments[0] { return arguments[0] }
    case .numpyReconstruct where arguments.count == 3:
      if case .global(.numpyArrayClass) = arguments[0] { return add(.numpyArray, []) }
    case .numpyFromBuffer where (4...5).contains(arguments.count):
      if let array = numpyArray(fromBuffer: arguments) { return array }
    case .numpyDType where (1...3).contains(arguments.count):
      if case .string = arguments[0] { return add(.numpyDType, [arguments[0]]) }
    case .rebuildParameter where arguments.count == 3,
      .rebuildParameterWithState where arguments.count == 4:
      if case .tensor = arguments[0] { return arguments[0] }
    case .rebuildFromType where arguments.count == 4:
      // The class and its state say nothing about the elements.
      if case .global(let function) = arguments[0], case .global(.tensorClass) = arguments[1],
        function != .rebuildFromType, let inner = container(arguments[2]), inner.kind == .tuple
      {
        switch try call(function, inner.items) {
        case .tensor(let tensor): return .tensor(tensor)
        case .unreadable(let reason): return .unreadable(reason)
        default: break
        }
      }
    case .size where arguments.count == 1:
      if let items = container(arguments[0]), items.kind == .tuple { return arguments[0] }
    case .layout where arguments.count == 1:
      if case .string = arguments[0] { return arguments[0] }
    case .device where (1...2).contains(arguments.count):
      return add(.device, arguments)
    case .orderedDictionary:
      return try orderedDictionary(arguments)
    case .defaultDictionary:
      if let dictionary = defaultDictionary(arguments) { return dictionary }
    case .counter where arguments.isEmpty: return add(.dictionary, [])
    case .counter where arguments.count == 1:
      if let counts = container(arguments[0]), counts.kind == .dictionary { return arguments[0] }
    case .set where arguments.isEmpty: return add(.set, [])
    case .set where arguments.count == 1:
      if let items = container(arguments[0]), [.list, .tuple, .set].contains(items.kind) {
        try count(items.items.count)
        return add(.set, items.items)
      }
    case .complex where arguments.count == 2:
      if case .number = arguments[0], case .number = arguments[1] {
        return add(.complex, arguments)
      }
    case .byteString where arguments.isEmpty:
      return .bytes(0..<0)
    case .byteString where (1...2).contains(arguments.count):
      switch arguments[0] {
      case .bytes, .latin1: return arguments[0]
      case .string(let text): return .latin1(text)
      default: break
      }
    case .encode where arguments.count == 2:
      if case .string(let text) = arguments[0], case .string(let codec) = arguments[1],
        codec.count <= 16, ["latin1", "latin-1"].contains(reader.bytes.text(codec))
      {
        return .latin1(text)
      }
    default: break
    }
    throw malformed("the pickle calls \(global) with arguments that do not fit it")
  }

  private mutating func orderedDictionary(
    _ arguments: [PickleObject]
  ) throws(TorchError) -> PickleObject {
    guard let pairs = arguments.first else { return add(.orderedDictionary, []) }
    guard arguments.count == 1, let list = container(pairs), list.kind == .list else {
      throw malformed("the pickle makes an OrderedDict of something that is no list of pairs")
    }
    // The same list may be named again and again: its items count as steps each time.
    try count(list.items.count)
    var items: [PickleObject] = []
    for pair in list.items {
      guard let pair = container(pair), pair.items.count == 2 else {
        throw malformed("the pickle makes an OrderedDict of something that is no list of pairs")
      }
      items += pair.items
    }
    return add(.orderedDictionary, items)
  }

  /// A defaultdict, whose factory makes nothing here: an empty one stands at a file's values only.
  private mutating func defaultDictionary(_ arguments: [PickleObject]) -> PickleObject? {
    guard arguments.count <= 1 else { return nil }
    switch arguments.first {
    case nil, .none?, .global(.plainClass)?, .global(.set)?, .global(.counter)?,
      .global(.orderedDictionary)?, .global(.defaultDictionary)?, .global(.byteString)?,
      .global(.complex)?:
      return add(.dictionary, [])
    default: return nil
    }
  }

  /// Attributes of an OrderedDict (`_metadata` of a state dictionary) are passed over.
  mutating func build() throws(TorchError) {
    let state = try pop()
    let target = try top()
    if case .unreadable = target { return }
    if case .container(let index) = target, let values = container(state) {
      switch containers[index].kind {
      case .orderedDictionary: return
      case .numpyArray where values.kind == .tuple && values.items.count == 5:
        containers[index].items = values.items
        return
      case .numpyDType where values.kind == .tuple && values.items.count >= 2:
        containers[index].items = [containers[index].items[0], values.items[1]]
        return
      default: break
      }
    }
    throw malformed("the pickle sets the state of \(target.kind)")
  }
}

// MARK: - Tensors

extension Unpickler {
  /// More axes than torch allows; bounds the copies of one shape that many tensors name.
  private static let rankLimit = 64

  mutating func rebuildTensor(
    _ function: TorchGlobal, _ arguments: [PickleObject]
  ) throws(TorchError) -> PickleObject {
    let counts: ClosedRange =
      switch function {
      case .rebuildTensor: 4...4
      case .rebuildTensorV2: 6...7
      default: 7...8
      }
    guard counts.contains(arguments.count), case .storage(let storage) = arguments[0],
      case .integer(let offset) = arguments[1], offset >= 0,
      let size = integers(arguments[2]), let strides = integers(arguments[3])
    else { throw malformed("the pickle describes a tensor with arguments that do not fit") }
    try count(size.count)
    var dtype = storages[storage].dtype ?? .uint8
    if function == .rebuildTensorV3 {
      guard case .global(.dtype(let named)) = arguments[6] else {
        throw malformed("the pickle describes a tensor whose dtype is \(arguments[6].kind)")
      }
      dtype = named
    }
    var description = TensorDescription(
      storage: storage, dtype: dtype, offset: Int(offset), size: size, strides: strides)
    if arguments.count == counts.upperBound, arguments.count > 4 {
      try apply(metadata: arguments[counts.upperBound - 1], to: &description)
    }
    tensors.append(description)
    return .tensor(tensors.count - 1)
  }

  func integers(_ object: PickleObject) -> [Int]? {
    guard let tuple = container(object), tuple.kind == .tuple,
      tuple.items.count <= Unpickler.rankLimit
    else { return nil }
    var values: [Int] = []
    for item in tuple.items {
      guard case .integer(let value) = item, (0..<1 << 48).contains(value) else { return nil }
      values.append(Int(value))
    }
    return values
  }

  private func apply(
    metadata: PickleObject, to tensor: inout TensorDescription
  ) throws(TorchError) {
    if case .none = metadata { return }
    guard let dictionary = container(metadata), dictionary.kind == .dictionary,
      dictionary.items.count <= 4
    else { throw malformed("the pickle describes a tensor with unknown metadata") }
    for index in stride(from: 0, to: dictionary.items.count, by: 2) {
      guard case .string(let key) = dictionary.items[index], key.count <= 16,
        case .bool(let flag) = dictionary.items[index + 1]
      else { throw malformed("the pickle describes a tensor with unknown metadata") }
      switch reader.bytes.text(key) {
      case "conj": tensor.isConjugate = flag
      case "neg": tensor.isNegative = flag
      default: throw malformed("the pickle describes a tensor with unknown metadata")
      }
    }
  }

  /// The storage that a persistent id names: `('storage', class, key, location, count)`.
  mutating func storage(for id: PickleObject) throws(TorchError) -> PickleObject {
    guard let tuple = container(id), tuple.kind == .tuple, let first = tuple.items.first,
      case .string(let tag) = first, tag.count <= 16, reader.bytes.text(tag) == "storage"
    else { throw .unsupported(path: path, reason: "it refers to something that is no storage") }
    if tuple.items.count > 1, case .unreadable = tuple.items[1] { return tuple.items[1] }
    guard (5...6).contains(tuple.items.count), case .global(.storage(let dtype)) = tuple.items[1],
      let key = shortText(tuple.items[2]), let location = shortText(tuple.items[3]),
      case .integer(let count) = tuple.items[4], (0..<1 << 48).contains(count)
    else { throw malformed("the pickle describes a storage with fields that do not fit") }
    var reference = StorageReference(
      key: key, dtype: dtype, elementCount: Int(count), location: location)
    if tuple.items.count == 6 { reference.view = try view(tuple.items[5]) }
    let name = reference.view.map { "\(key) \($0)" } ?? key
    if let index = storageIndices[name] {
      guard storages[index] == reference else {
        throw malformed("the pickle describes storage \(quoted(key)) in two ways")
      }
      return .storage(index)
    }
    storages.append(reference)
    storageIndices[name] = storages.count - 1
    return .storage(storages.count - 1)
  }

  /// A key or location; longer ones than these are no names but attacks.
  func shortText(_ object: PickleObject) -> String? {
    guard case .string(let range) = object, range.count <= 256 else { return nil }
    return reader.bytes.text(range)
  }

  /// The part of a storage that a legacy file names as `(key, offset, count)`, or `None`.
  private func view(_ object: PickleObject) throws(TorchError) -> Range<Int>? {
    if case .none = object { return nil }
    guard let tuple = container(object), tuple.items.count == 3,
      case .integer(let offset) = tuple.items[1], (0..<1 << 48).contains(offset),
      case .integer(let count) = tuple.items[2], (0..<1 << 48).contains(count)
    else { throw malformed("the pickle describes a part of a storage that does not fit") }
    return Int(offset)..<Int(offset + count)
  }

  mutating func add(
    _ kind: PickleContainer.Kind, _ items: [PickleObject]
  ) -> PickleObject {
    containers.append(PickleContainer(kind: kind, items: items))
    return .container(containers.count - 1)
  }
}
