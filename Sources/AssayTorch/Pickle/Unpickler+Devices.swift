internal import AssayTensors

/// Tensors of backends that do not write a storage of their own device.
extension Unpickler {
  /// torch_npu's tensor: the arguments of v2, and behind them the format on the device.
  ///
  /// The elements were copied to the CPU in their plain order, whatever the format was.
  mutating func rebuildNPUTensor(_ arguments: [PickleObject]) throws(TorchError) -> PickleObject {
    guard arguments.count == 7 else { throw doesNotFit() }
    switch arguments[6] {
    case .none, .bool, .integer: break
    default: throw doesNotFit()
    }
    let tensor = try rebuildTensor(.rebuildTensorV2, Array(arguments.prefix(6)))
    if case .tensor(let index) = tensor, storages[tensors[index].storage].location == "cpu" {
      tensors[index].device = "npu"
    }
    return tensor
  }

  /// `(data, dtype, device, requires_grad)` of XLA, MTIA and others: a CPU tensor or a numpy array.
  mutating func rebuildDeviceTensor(
    _ arguments: [PickleObject]
  ) throws(TorchError) -> PickleObject {
    guard arguments.count == 4, case .global(.dtype(let dtype)) = arguments[1],
      let device = deviceName(arguments[2]), case .bool = arguments[3]
    else { throw doesNotFit() }
    var description: TensorDescription
    switch arguments[0] {
    case .tensor(let index): description = tensors[index]
    case .container(let index) where containers[index].kind == .numpyArray:
      switch try array(containers[index].items) {
      case .description(let found): description = found
      case .unreadable(let kind): return unreadable(kind)
      }
    default: throw doesNotFit()
    }
    try count(description.size.count)
    if description.dtype != dtype {
      // numpy has no bfloat16: torch widens it, which loses nothing.
      guard dtype == .bfloat16, description.dtype == .float32, !description.isNegative else {
        return unreadable(
          "a tensor of \(dtype.torchName) that is stored as \(description.dtype.torchName)")
      }
      description.isWidened = true
    }
    description.device = device
    tensors.append(description)
    return .tensor(tensors.count - 1)
  }

  /// `numpy.core.numeric._frombuffer(buffer, dtype, shape, order, axes)`, which protocol 5 uses.
  mutating func numpyArray(fromBuffer arguments: [PickleObject]) -> PickleObject? {
    guard case .string(let text) = arguments[3], text.count == 1,
      let order = reader.bytes.text(text), ["C", "F", "K"].contains(order)
    else { return nil }
    var axes: [PickleObject] = []
    if arguments.count == 5 {
      if case .none = arguments[4] {} else { axes = [arguments[4]] }
    }
    // Only under K does the order of axes say something, and K says nothing without it.
    guard (order == "K") == !axes.isEmpty else { return nil }
    return add(
      .numpyArray,
      [.integer(1), arguments[2], arguments[1], .bool(order == "F"), arguments[0]] + axes)
  }

  private func deviceName(_ object: PickleObject) -> String? {
    if let text = shortText(object) { return text }
    guard let device = container(object), device.kind == .device, let type = device.items.first,
      let name = shortText(type)
    else { return nil }
    guard device.items.count == 2 else { return name }
    guard case .integer(let index) = device.items[1] else { return nil }
    return "\(name):\(index)"
  }

  private func doesNotFit() -> TorchError {
    malformed("the pickle describes a device's tensor with arguments that do not fit")
  }
}

// MARK: - numpy

extension Unpickler {
  private enum NumPyArray {
    case description(TensorDescription)
    case unreadable(String)
  }

  /// The tensor that a numpy array's state describes, over bytes that stand in the pickle.
  private mutating func array(_ state: [PickleObject]) throws(TorchError) -> NumPyArray {
    guard (5...6).contains(state.count), let shape = integers(state[1]),
      case .bool(let isFortran) = state[3],
      let dtype = container(state[2]), dtype.kind == .numpyDType,
      let code = shortText(dtype.items[0])
    else { throw malformed("the pickle describes a numpy array with a state that does not fit") }
    let order = dtype.items.count > 1 ? shortText(dtype.items[1]) : "|"
    guard let element = Unpickler.numpyTypes[code], let order, ["<", ">", "|"].contains(order)
    else { return .unreadable("a numpy array of dtype \(quoted((order ?? "") + code))") }
    let bytes: EmbeddedBytes
    switch state[4] {
    case .bytes(let range):
      bytes = EmbeddedBytes(range: range, isLatin1: false, isBigEndian: order == ">")
    case .latin1(let range):
      bytes = EmbeddedBytes(range: range, isLatin1: true, isBigEndian: order == ">")
    default: throw malformed("the pickle describes a numpy array whose data is \(state[4].kind)")
    }
    var steps = 1
    for extent in shape {
      let (product, overflow) = steps.multipliedReportingOverflow(by: max(extent, 1))
      guard !overflow, product < 1 << 48 else {
        throw malformed("the pickle describes a numpy array of too many elements")
      }
      steps = product
    }
    var size = shape
    var strides = Unpickler.strides(of: shape, isFortran: isFortran)
    if state.count == 6 {
      guard let axes = integers(state[5]), axes.sorted() == Array(shape.indices) else {
        throw malformed("the pickle describes a numpy array with an order of axes that is none")
      }
      (size, strides) = (axes.map { shape[$0] }, axes.map { strides[$0] })
    }
    storages.append(
      StorageReference(
        key: "at byte \(bytes.range.lowerBound) of the pickle", dtype: element,
        elementCount: shape.contains(0) ? 0 : steps, location: "cpu", embedded: bytes))
    return .description(
      TensorDescription(
        storage: storages.count - 1, dtype: element, offset: 0, size: size, strides: strides))
  }

  private static func strides(of shape: [Int], isFortran: Bool) -> [Int] {
    var strides = shape
    var step = 1
    for axis in isFortran ? Array(shape.indices) : shape.indices.reversed() {
      strides[axis] = step
      step *= max(shape[axis], 1)
    }
    return strides
  }

  /// The numpy dtypes that `torch.from_numpy` takes.
  private static let numpyTypes: [String: DType] = [
    "f2": .float16, "f4": .float32, "f8": .float64, "i1": .int8, "i2": .int16, "i4": .int32,
    "i8": .int64, "u1": .uint8, "u2": .uint16, "u4": .uint32, "u8": .uint64, "b1": .bool,
    "c8": .complex64, "c16": .complex128,
  ]
}
