internal import AssayTensors

/// Writes the pickle of one tensor, opcode by opcode as torch's own pickler does.
struct Pickler {
  private(set) var bytes: [UInt8] = []
  private var memoCount = 0

  /// The pickle of protocol 2 that rebuilds a contiguous tensor from storage `0`.
  static func pickle(of tensor: Tensor) -> [UInt8] {
    var pickler = Pickler()
    pickler.write(tensor)
    return pickler.bytes
  }

  private mutating func write(_ tensor: Tensor) {
    let storageClass = tensor.dtype.storageClass
    put(.proto)
    bytes.append(2)
    putGlobal(
      "torch._utils", storageClass == nil ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2")
    put(.mark)
    put(.mark)
    put("storage")
    if let storageClass {
      putGlobal("torch", storageClass)
    } else {
      putGlobal("torch.storage", "UntypedStorage")
    }
    put("0")
    put(tensor.device.name)
    put(storageClass == nil ? tensor.byteCount : tensor.elementCount)
    put(.tuple)
    memoize()
    put(.binPersistentID)
    put(0)
    put(tensor.shape.dimensions)
    put(tensor.shape.contiguousStrides)
    put(.newFalse)
    putGlobal("collections", "OrderedDict")
    put(.emptyTuple)
    put(.reduce)
    memoize()
    if storageClass == nil { putGlobal("torch", tensor.dtype.rawValue) }
    put(.tuple)
    memoize()
    put(.reduce)
    memoize()
    put(.stop)
  }

  private mutating func put(_ opcode: Opcode) {
    bytes.append(opcode.rawValue)
  }

  private mutating func memoize() {
    put(.binPut)
    bytes.append(UInt8(memoCount))
    memoCount += 1
  }

  private mutating func putGlobal(_ module: String, _ name: String) {
    put(.global)
    bytes += Array("\(module)\n\(name)\n".utf8)
    memoize()
  }

  private mutating func put(_ text: String) {
    put(.binUnicode)
    bytes.append(little: UInt32(text.utf8.count))
    bytes += text.utf8
    memoize()
  }

  private mutating func put(_ value: Int) {
    switch value {
    case 0..<1 << 8:
      put(.binInt1)
      bytes.append(UInt8(value))
    case 0..<1 << 16:
      put(.binInt2)
      bytes.append(little: UInt16(value))
    case 0..<1 << 31:
      put(.binInt)
      bytes.append(little: Int32(value))
    default:
      // The shortest two's complement form, as Python writes it.
      let count = (64 - value.leadingZeroBitCount) / 8 + 1
      put(.long1)
      bytes.append(UInt8(count))
      bytes += (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
  }

  private mutating func put(_ values: [Int]) {
    if values.isEmpty { return put(.emptyTuple) }
    if values.count > 3 { put(.mark) }
    for value in values { put(value) }
    switch values.count {
    case 1: put(.tuple1)
    case 2: put(.tuple2)
    case 3: put(.tuple3)
    default: put(.tuple)
    }
    memoize()
  }
}

extension DType {
  /// torch's storage class; `nil` for newer dtypes, which torch saves over an untyped storage.
  fileprivate var storageClass: String? {
    switch self {
    case .float64: "DoubleStorage"
    case .float32: "FloatStorage"
    case .float16: "HalfStorage"
    case .bfloat16: "BFloat16Storage"
    case .int64: "LongStorage"
    case .int32: "IntStorage"
    case .int16: "ShortStorage"
    case .int8: "CharStorage"
    case .uint8: "ByteStorage"
    case .bool: "BoolStorage"
    case .complex128: "ComplexDoubleStorage"
    case .complex64: "ComplexFloatStorage"
    case .float8_e4m3fn, .float8_e5m2, .float8_e4m3fnuz, .float8_e5m2fnuz, .float8_e8m0fnu,
      .float4_e2m1fn_x2, .uint16, .uint32, .uint64, .complex32:
      nil
    }
  }
}
