/// The element type of a tensor, named as PyTorch names it.
public enum DType: String, CaseIterable, Hashable, Sendable, Codable {
  case float64, float32, float16, bfloat16
  case float8_e4m3fn, float8_e5m2
  case int8, int16, int32, int64
  case uint8, uint16, uint32, uint64
  case bool
  case complex64, complex128
}

extension DType {
  /// The name PyTorch prints, such as `torch.bfloat16`.
  public var torchName: String { "torch." + rawValue }

  /// Makes a dtype from its name, with or without the `torch.` prefix.
  ///
  /// - Returns: `nil` when the name is none of the supported dtypes.
  public init?(torchName: String) {
    self.init(rawValue: torchName.hasPrefix("torch.") ? String(torchName.dropFirst(6)) : torchName)
  }

  /// The size of one element in bytes.
  public var byteCount: Int {
    switch self {
    case .float8_e4m3fn, .float8_e5m2, .int8, .uint8, .bool: 1
    case .float16, .bfloat16, .int16, .uint16: 2
    case .float32, .int32, .uint32: 4
    case .float64, .int64, .uint64, .complex64: 8
    case .complex128: 16
    }
  }

  /// Whether elements are real floating point numbers of any width.
  public var isFloatingPoint: Bool {
    switch self {
    case .float64, .float32, .float16, .bfloat16, .float8_e4m3fn, .float8_e5m2: true
    default: false
    }
  }

  /// Whether elements are pairs of a real and an imaginary part.
  public var isComplex: Bool { self == .complex64 || self == .complex128 }

  /// Whether elements are integers or booleans.
  public var isInteger: Bool { !isFloatingPoint && !isComplex }

  /// The size in bytes of the unit whose byte order matters: a complex element is two of them.
  package var scalarByteCount: Int { isComplex ? byteCount / 2 : byteCount }
}

extension DType: CustomStringConvertible {
  /// The name without `torch.`.
  public var description: String { rawValue }
}
