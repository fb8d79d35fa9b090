import AssayTensors

/// What stands before the elements of a `.npy`: the dictionary that numpy writes as Python does.
struct NumPyHeader {
  /// Why an array cannot be read, as a sentence without a full stop.
  struct Failure: Error, Equatable {
    var reason: String

    init(_ reason: String) { self.reason = reason }
  }

  let dtype: DType
  /// Whether elements of more than one byte have their highest byte first.
  let isBigEndian: Bool
  /// Whether the first axis is the one whose neighbours lie together.
  let isColumnMajor: Bool
  let shape: [Int]
  /// Where the elements begin.
  let end: Int

  private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// Reads the header of versions 1.0, 2.0 and 3.0.
  ///
  /// - Parameter bytes: The whole file.
  init(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
    guard bytes.count >= 10, bytes.prefix(6).elementsEqual(NumPyHeader.magic) else {
      throw Failure("it does not begin as a .npy file does")
    }
    let version = (bytes[6], bytes[7])
    let start: Int
    let count: Int
    switch version {
    case (1, 0):
      start = 10
      count = Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self)))
    case (2, 0) where bytes.count >= 12, (3, 0) where bytes.count >= 12:
      start = 12
      count = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
    case (2, 0), (3, 0): throw Failure("it ends within its header")
    default:
      throw Failure(
        "it has version \(version.0).\(version.1) of the .npy format, which is not known")
    }
    guard count <= bytes.count - start else {
      throw Failure("its header claims \(count) bytes, and \(bytes.count - start) are there")
    }
    end = start + count
    var scanner = PythonLiteral(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
    var dtype: (DType, isBigEndian: Bool)?
    var isColumnMajor: Bool?
    var shape: [Int]?
    try scanner.dictionary { (scanner, key) throws(Failure) in
      let isNew: Bool
      switch key {
      case "descr":
        isNew = dtype == nil
        guard let text = try scanner.stringIfAny() else {
          throw Failure(
            "its elements are records of several fields; save each field as an array of its own")
        }
        dtype = try NumPyHeader.dtype(text)
      case "fortran_order":
        isNew = isColumnMajor == nil
        isColumnMajor = try scanner.bool()
      case "shape":
        isNew = shape == nil
        shape = try scanner.tuple(atMost: 64)
      default:
        let shown = String(key.prefix(40)).debugDescription
        throw Failure("its header has \(shown), which is not known")
      }
      guard isNew else { throw Failure("its header has \"\(key)\" twice") }
    }
    guard let dtype, let isColumnMajor, let shape else {
      throw Failure("its header lacks descr, fortran_order or shape")
    }
    (self.dtype, isBigEndian) = dtype
    self.isColumnMajor = isColumnMajor
    self.shape = shape
  }
}

extension NumPyHeader {
  /// The dtype that a text such as `<f4` names.
  private static func dtype(_ text: String) throws(Failure) -> (DType, isBigEndian: Bool) {
    let order = text.utf8.first
    let isBigEndian = order == UInt8(ascii: ">")
    guard isBigEndian || order == UInt8(ascii: "<") || order == UInt8(ascii: "|") else {
      throw Failure(DType.unsupported(text))
    }
    let name = String(text.unicodeScalars.dropFirst())
    if let dtype = names[name] {
      guard dtype.byteCount == 1 || order != UInt8(ascii: "|") else {
        throw Failure("its dtype \"\(text)\" does not say which byte of an element stands first")
      }
      return (dtype, isBigEndian && dtype.byteCount > 1)
    }
    // numpy's own raw bytes are |V2; only ml_dtypes and MLX give two of them an order of bytes.
    if text == "<V2" { return (.bfloat16, false) }
    throw Failure(reason(against: text, name))
  }

  private static let names: [String: DType] = [
    "b1": .bool, "i1": .int8, "i2": .int16, "i4": .int32, "i8": .int64,
    "u1": .uint8, "u2": .uint16, "u4": .uint32, "u8": .uint64,
    "f2": .float16, "f4": .float32, "f8": .float64, "c8": .complex64, "c16": .complex128,
  ]

  private static func reason(against text: String, _ name: String) -> String {
    let shown = "its dtype " + String(text.prefix(40)).debugDescription
    switch name.first {
    case "O":
      return "\(shown) is of Python objects, which only running what a pickle says would make; "
        + "save arrays of numbers, each of another shape under a key of its own"
    case "S", "U": return "\(shown) is of texts, which are no tensor"
    case "M", "m": return "\(shown) is of times, which are no tensor"
    case _ where name == "f1", "V":
      return "\(shown) does not say what the bytes mean, as where numpy writes 8-bit floats; save "
        + "them as float32, or as .safetensors, which says it"
    case _ where ["f12", "f16", "c24", "c32"].contains(name):
      return "\(shown) is of long doubles, which differ by machine; save them as float64"
    default: return DType.unsupported(text)
    }
  }
}
