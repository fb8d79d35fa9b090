#if SystemLibraries
internal import AssayTensors
internal import CHDF5

extension Datatype {
  private static let handles: [DType: Handle] = {
    var handles: [DType: Handle] = [:]
    Library.call {
      for dtype in DType.allCases { handles[dtype] = try? make(dtype) }
    }
    return handles
  }()

  /// The type that stores a dtype, made once.
  static func stored(_ dtype: DType) throws -> Handle {
    guard let handle = handles[dtype] else {
      throw HDF5Error.library(operation: "make the type of \(dtype)", causes: [])
    }
    return handle
  }

  private static func make(_ dtype: DType) throws -> Handle {
    switch dtype {
    case .float64: try copy(ch5t_f64le())
    case .float32: try copy(ch5t_f32le())
    case .float16: try float(.float16)
    case .bfloat16: try float(.bfloat16)
    case .float8_e5m2: try float(.float8_e5m2)
    // As floats, libhdf5 would take values of e4m3fn for infinity and NaN, and has no way to say
    // where the other formats have their NaN.
    case .float8_e4m3fn, .float8_e4m3fnuz, .float8_e5m2fnuz, .float8_e8m0fnu,
      .float4_e2m1fn_x2, .uint8:
      try copy(ch5t_u8le())
    case .int8: try copy(ch5t_i8le())
    case .int16: try copy(ch5t_i16le())
    case .int32: try copy(ch5t_i32le())
    case .int64: try copy(ch5t_i64le())
    case .uint16: try copy(ch5t_u16le())
    case .uint32: try copy(ch5t_u32le())
    case .uint64: try copy(ch5t_u64le())
    case .bool: try boolean()
    case .complex32: try complex(of: float(.float16))
    case .complex64: try complex(of: copy(ch5t_f32le()))
    case .complex128: try complex(of: copy(ch5t_f64le()))
    }
  }

  private static func copy(_ id: hid_t) throws -> Handle {
    try Handle(H5Tcopy(id), .datatype, "copy a type")
  }

  private static func float(_ format: FloatFormat) throws -> Handle {
    let type = try copy(ch5t_f32le())
    let exponent = format.fractionBits
    let status = [
      H5Tset_fields(
        type.id, exponent + format.exponentBits, exponent, format.exponentBits, 0,
        format.fractionBits),
      H5Tset_size(type.id, (1 + exponent + format.exponentBits) / 8),
      H5Tset_ebias(type.id, format.bias),
    ]
    try Library.check(status.min() ?? 0, "make a float type")
    return type
  }

  private static func boolean() throws -> Handle {
    let type = try Handle(H5Tenum_create(ch5t_i8le()), .datatype, "make the type of bool")
    for (name, value) in [("FALSE", Int8(0)), ("TRUE", 1)] {
      let status = withUnsafePointer(to: value) { H5Tenum_insert(type.id, name, $0) }
      try Library.check(status, "make the type of bool")
    }
    return type
  }

  private static func complex(of part: Handle) throws -> Handle {
    let size = H5Tget_size(part.id)
    let type = try Handle(H5Tcreate(H5T_COMPOUND, 2 * size), .datatype, "make a complex type")
    try Library.check(H5Tinsert(type.id, "r", 0, part.id), "make a complex type")
    try Library.check(H5Tinsert(type.id, "i", size, part.id), "make a complex type")
    return type
  }

  /// A fixed-length UTF-8 string, padded with NUL.
  static func string(byteCount: Int) throws -> Handle {
    let type = try copy(ch5t_c_s1())
    let status = [
      H5Tset_size(type.id, max(byteCount, 1)), H5Tset_cset(type.id, H5T_CSET_UTF8),
      H5Tset_strpad(type.id, H5T_STR_NULLPAD),
    ]
    try Library.check(status.min() ?? 0, "make a string type")
    return type
  }
}
#endif
