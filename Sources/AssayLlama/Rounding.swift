import AssayTensors

/// How results are rounded: computed in float32, then to the nearest value of the dtype, ties to
/// even, as PyTorch's CPU modules do.
enum Rounding: Sendable {
  case float32, bfloat16, float16

  init(_ dtype: DType) throws(LlamaError) {
    switch dtype {
    case .float32: self = .float32
    case .bfloat16: self = .bfloat16
    case .float16: self = .float16
    default: throw .unsupportedDType(dtype)
    }
  }

  var dtype: DType {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .float16: .float16
    }
  }

  /// Rounds in place.
  func round(_ values: UnsafeMutableBufferPointer<Float>) {
    guard let start = values.baseAddress else { return }
    switch self {
    case .float32: return
    case .bfloat16: FloatConversion.roundInPlaceToBFloat16(start, count: values.count)
    case .float16: FloatConversion.roundInPlaceToFloat16(start, count: values.count)
    }
  }

  /// Rounds one value.
  @inline(__always)
  func round(_ value: Float) -> Float {
    switch self {
    case .float32: value
    case .bfloat16: Rounding.toBFloat16(value)
    case .float16: Rounding.toFloat16(value)
    }
  }

  @inline(__always)
  private static func toBFloat16(_ value: Float) -> Float {
    let bits = value.bitPattern
    let rounded = (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000
    return value.isNaN ? Float(bitPattern: 0x7FC0_0000) : Float(bitPattern: rounded)
  }

  /// In integers and float32 only: a conversion to `Float16` is a call on most processors.
  @inline(__always)
  private static func toFloat16(_ value: Float) -> Float {
    let sign = value.bitPattern & 0x8000_0000
    let magnitude = Float(bitPattern: value.bitPattern & 0x7FFF_FFFF)
    let bits = magnitude.bitPattern
    let normal = Float(bitPattern: (bits &+ 0x0FFF &+ (bits >> 13 & 1)) & 0xFFFF_E000)
    // Below 2^-14 the steps are 2^-24, which is the float32 step between 0.5 and 1.
    let subnormal = (magnitude + 0.75) - 0.75
    var result = magnitude < 0x1p-14 ? subnormal : normal
    result = result > 65504 ? .infinity : result
    result = magnitude.isNaN ? .nan : result
    return Float(bitPattern: result.bitPattern | sign)
  }
}
