internal import AssayTensors

/// The types of tensors as they stand in a file.
enum Datatype {
  /// What a type in a file means.
  struct Recognized: Equatable {
    /// The dtypes it may stand for: bytes are `uint8` or one of the small floats.
    var dtypes: Set<DType>
    /// Whether its numbers are stored with the most significant byte first.
    var isBigEndian: Bool
  }

  /// What an integer means that fills its bytes.
  static func integer(byteCount: Int, isSigned: Bool, isBigEndian: Bool) -> Recognized? {
    let dtypes: Set<DType>? =
      switch (byteCount, isSigned) {
      case (1, true): [.int8]
      case (2, true): [.int16]
      case (4, true): [.int32]
      case (8, true): [.int64]
      case (1, false):
        [
          .uint8, .float8_e4m3fn, .float8_e4m3fnuz, .float8_e5m2fnuz, .float8_e8m0fnu,
          .float4_e2m1fn_x2,
        ]
      case (2, false): [.uint16]
      case (4, false): [.uint32]
      case (8, false): [.uint64]
      default: nil
      }
    return dtypes.map { Recognized(dtypes: $0, isBigEndian: isBigEndian) }
  }

  /// Those that libhdf5 takes for what they are.
  private static let floats: [FloatFormat: DType] = [
    .float64: .float64, .float32: .float32, .float16: .float16, .bfloat16: .bfloat16,
    .float8_e5m2: .float8_e5m2,
  ]

  /// What a float means that fills its bytes.
  static func float(_ format: FloatFormat, isBigEndian: Bool) -> Recognized? {
    floats[format].map { Recognized(dtypes: [$0], isBigEndian: isBigEndian) }
  }

  /// What a pair of floats means.
  static func complex(of part: Recognized) -> Recognized? {
    switch part.dtypes {
    case [.float16]: Recognized(dtypes: [.complex32], isBigEndian: part.isBigEndian)
    case [.float32]: Recognized(dtypes: [.complex64], isBigEndian: part.isBigEndian)
    case [.float64]: Recognized(dtypes: [.complex128], isBigEndian: part.isBigEndian)
    default: nil
    }
  }
}
