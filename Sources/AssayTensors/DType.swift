/// The element type of a tensor, named as PyTorch names it.
public enum DType: String, CaseIterable, Hashable, Sendable, Codable {
  case float64, float32, float16, bfloat16
  case float8_e4m3fn, float8_e5m2, float8_e4m3fnuz, float8_e5m2fnuz, float8_e8m0fnu
  /// Two 4-bit floats in each byte, which is one element of a shape; the first is in the low half.
  case float4_e2m1fn_x2
  case int8, int16, int32, int64
  case uint8, uint16, uint32, uint64
  case bool
  case complex32, complex64, complex128
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

  /// What a message says of a dtype's name that is none of the supported ones.
  package static func unsupported(_ name: String) -> String {
    let shown = String(name.prefix(64)).debugDescription
    return "dtype \(shown) is not supported; Assay reads "
      + allCases.map(\.rawValue).joined(separator: ", ")
  }

  /// The size of one element in bytes.
  public var byteCount: Int {
    switch self {
    case .float8_e4m3fn, .float8_e5m2, .float8_e4m3fnuz, .float8_e5m2fnuz, .float8_e8m0fnu,
      .float4_e2m1fn_x2, .int8, .uint8, .bool:
      1
    case .float16, .bfloat16, .int16, .uint16: 2
    case .float32, .int32, .uint32, .complex32: 4
    case .float64, .int64, .uint64, .complex64: 8
    case .complex128: 16
    }
  }

  /// Whether elements are real floating point numbers of any width, or pairs of such in one byte.
  public var isFloatingPoint: Bool {
    switch self {
    case .float64, .float32, .float16, .bfloat16, .float8_e4m3fn, .float8_e5m2,
      .float8_e4m3fnuz, .float8_e5m2fnuz, .float8_e8m0fnu, .float4_e2m1fn_x2:
      true
    default: false
    }
  }

  /// Whether elements are pairs of a real and an imaginary part.
  public var isComplex: Bool {
    switch self {
    case .complex32, .complex64, .complex128: true
    default: false
    }
  }

  /// How many numbers each element packs: 2 for `float4_e2m1fn_x2`, else 1.
  ///
  /// They are compared, counted and shown one by one, at indices of ``valueShape(of:)``.
  package var packedCount: Int { self == .float4_e2m1fn_x2 ? 2 : 1 }

  /// The shape of the numbers in a tensor's elements: a packed dtype has more along the last axis.
  ///
  /// - Parameter shape: The tensor's own.
  package func valueShape(of shape: Shape) -> Shape {
    packedCount == 1 ? shape : shape.multiplyingLastExtent(by: packedCount)
  }

  /// The number of real values in an element: the parts of a complex one, the numbers of a packed
  /// one.
  package var componentCount: Int { isComplex ? 2 : packedCount }

  /// Whether elements are integers or booleans.
  public var isInteger: Bool { !isFloatingPoint && !isComplex }

  /// The size in bytes of the unit whose byte order matters: a complex element is two of them.
  package var scalarByteCount: Int { isComplex ? byteCount / 2 : byteCount }
}

extension DType: CustomStringConvertible {
  /// The name without `torch.`.
  public var description: String { rawValue }
}
