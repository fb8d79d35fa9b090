public import AssayCapture
public import AssayRuns
public import AssayTensors

/// What flows between modules: float32 values that its dtype can represent.
public struct Activation: Sendable {
  /// The extents; the first is the batch, which is 1.
  public let shape: [Int]
  /// The values, row-major.
  public let values: [Float]
  /// The dtype to which the values are rounded.
  public let dtype: DType

  /// Makes an activation by filling its values.
  init(
    shape: [Int], dtype: DType, fill: (UnsafeMutableBufferPointer<Float>) throws -> Void
  ) rethrows {
    let count = shape.reduce(1, *)
    self.shape = shape
    self.dtype = dtype
    values = try [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      buffer.initialize(repeating: 0)
      try fill(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
      initialized = count
    }
  }

  /// The number of rows: all axes but the last.
  var rows: Int { shape.dropLast().reduce(1, *) }

  /// The length of a row.
  var columns: Int { shape.last ?? 1 }

  /// The same shape with another row length.
  func shape(columns: Int) -> [Int] { shape.dropLast() + [columns] }

  /// The sum of two activations of one shape, rounded.
  func adding(_ other: Activation, _ rounding: Rounding) -> Activation {
    Activation(combining: self, other, rounding) { $0 + $1 }
  }

  /// The product of two activations of one shape, rounded.
  func multiplied(by other: Activation, _ rounding: Rounding) -> Activation {
    Activation(combining: self, other, rounding) { $0 * $1 }
  }

  @inline(__always)
  private init(
    combining a: Activation, _ b: Activation, _ rounding: Rounding,
    _ combine: (Float, Float) -> Float
  ) {
    precondition(a.shape == b.shape)
    self.init(shape: a.shape, dtype: rounding.dtype) { result in
      a.values.withUnsafeBufferPointer { a in
        b.values.withUnsafeBufferPointer { b in
          for i in result.indices { result[i] = combine(a[i], b[i]) }
        }
      }
      rounding.round(result)
    }
  }
}

extension Activation: Capturable {
  /// A tensor of the activation's own dtype; the conversion is exact.
  public var capturedValue: CapturedValue {
    tensor.map(CapturedValue.tensor) ?? .none
  }

  /// The values as a tensor of the activation's own dtype; `nil` for no shape that occurs.
  var tensor: Tensor? {
    guard let shape = try? Shape(shape) else { return nil }
    switch dtype {
    case .bfloat16:
      let bits = values.map { UInt16(truncatingIfNeeded: $0.bitPattern >> 16) }
      return try? Tensor(bits, dtype: .bfloat16, shape: shape)
    case .float16:
      return try? Tensor(values.map(Float16Bits.init), dtype: .float16, shape: shape)
    default:
      return try? Tensor(values, dtype: .float32, shape: shape)
    }
  }
}

/// The bits of a binary16, from a float32 that holds one.
private struct Float16Bits: BitwiseCopyable {
  var bits: UInt16

  init(_ value: Float) {
    let source = value.bitPattern
    let sign = UInt16(truncatingIfNeeded: source >> 16) & 0x8000
    let exponent = Int(source >> 23 & 0xFF)
    switch exponent {
    case 255: bits = sign | 0x7C00 | (value.isNaN ? 0x0200 : 0)
    case 113...: bits = sign | UInt16(exponent - 112) << 10 | UInt16(source >> 13 & 0x3FF)
    default: bits = sign | UInt16(value.magnitude * 0x1p24)
    }
  }
}

/// Token ids or positions, which PyTorch passes as an int64 tensor of shape [1, n].
struct TokenVector: Capturable {
  let values: [Int]

  var capturedValue: CapturedValue {
    guard let shape = try? Shape([1, values.count]),
      let tensor = try? Tensor(values.map(Int64.init), dtype: .int64, shape: shape)
    else { return .none }
    return .tensor(tensor)
  }
}
