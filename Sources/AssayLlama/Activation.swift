public import AssayCapture
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

extension Activation: TensorConvertible {
  /// A tensor of the activation's own dtype; the conversion is exact.
  public func tensor() throws -> Tensor {
    let shape = try Shape(shape)
    let convert: (UnsafePointer<Float>, Int, UnsafeMutablePointer<UInt16>) -> Void
    switch dtype {
    case .bfloat16: convert = { FloatConversion.roundToBFloat16($0, count: $1, into: $2) }
    case .float16: convert = { FloatConversion.roundToFloat16($0, count: $1, into: $2) }
    default: return try Tensor(values, dtype: .float32, shape: shape)
    }
    var bits = [UInt16](repeating: 0, count: values.count)
    convert(values, values.count, &bits)
    return try Tensor(bits, dtype: dtype, shape: shape)
  }

  /// The activation of a tensor's values, rounded to the activation's own dtype.
  ///
  /// - Throws: `CaptureError.unfitTensor` for another shape,
  ///   and for a tensor of no floating point numbers.
  public func replaced(by tensor: Tensor) throws -> Activation {
    guard tensor.dtype.isFloatingPoint, tensor.dtype.packedCount == 1,
      tensor.shape.dimensions == shape
    else {
      throw CaptureError.unfitTensor(
        type: "Activation", takes: "floating point tensors of shape \(shape)",
        dtype: tensor.dtype, shape: tensor.shape.dimensions)
    }
    let rounding = try Rounding(dtype)
    return Activation(shape: shape, dtype: dtype) { result in
      _ = result.update(fromContentsOf: tensor.float32Values())
      rounding.round(result)
    }
  }
}

/// Token ids or positions, which PyTorch passes as an int64 tensor of shape [1, n].
struct TokenVector: TensorConvertible {
  let values: [Int]

  func tensor() throws -> Tensor {
    try Tensor(
      values.map(Int64.init), dtype: .int64, shape: try Shape([1, values.count]))
  }

  func replaced(by tensor: Tensor) throws -> TokenVector {
    let shape = [1, values.count]
    guard tensor.dtype == .int64, tensor.shape.dimensions == shape else {
      throw CaptureError.unfitTensor(
        type: "TokenVector", takes: "int64 tensors of shape \(shape)", dtype: tensor.dtype,
        shape: tensor.shape.dimensions)
    }
    return TokenVector(
      values: tensor.withContiguousBytes { bytes in
        (0..<values.count).map {
          Int(bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self))
        }
      })
  }
}
