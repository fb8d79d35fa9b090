public import AssayRuns
public import AssayTensors

/// A value that an array of makes one tensor: `[Float]` has rank 1, `[[Float]]` rank 2.
///
/// Arrays of integers stay tuples, as Python's lists of sizes are.
public protocol TensorArrayElement: Capturable {
  /// The tensor of an array.
  ///
  /// - Throws: ``CaptureError/notConvertible(type:reason:)`` for rows of different lengths.
  static func tensor(ofArray array: [Self]) throws -> Tensor

  /// The array of a contiguous tensor.
  ///
  /// - Throws: ``CaptureError/unfitTensor(type:takes:dtype:shape:)``.
  static func array(from tensor: Tensor) throws -> [Self]
}

extension TensorArrayElement {
  /// A tensor of the items.
  public static func capturedValue(ofArray array: [Self]) throws -> CapturedValue {
    .tensor(try tensor(ofArray: array))
  }

  /// An array of the items of the tensor that stands in the slot.
  public static func replacingTensors(
    ofArray array: [Self], _ replacement: TensorReplacement
  ) throws -> [Self] {
    guard let tensor = try replacement() else { return array }
    return try replacement.naming { try Self.array(from: tensor) }
  }
}

extension TensorArrayElement {
  /// The tensor of an array whose element type is this one, under another name.
  static func tensor<Row>(ofRows array: [Row]) throws -> Tensor {
    guard let array = array as? [Self] else {
      throw CaptureError.notConvertible(type: "\([Row].self)", reason: "it is no \([Self].self)")
    }
    return try tensor(ofArray: array)
  }

  /// The array of what stands in the place of such an array.
  static func replacing<Row>(rows: [Row], _ replacement: TensorReplacement) throws -> [Row] {
    guard let tensor = try replacement() else { return rows }
    return try replacement.naming {
      guard let replaced = try array(from: tensor) as? [Row] else {
        throw CaptureError.notReplaceable(type: "\([Row].self)", slot: replacement.slot)
      }
      return replaced
    }
  }
}

extension Array: TensorConvertible where Element: TensorArrayElement {
  /// The array as a tensor.
  public func tensor() throws -> Tensor { try Element.tensor(ofArray: self) }

  /// The array of another tensor of the same rank.
  public func replaced(by tensor: Tensor) throws -> [Element] {
    try Element.array(from: tensor.contiguous())
  }
}

extension Array: TensorArrayElement where Element: TensorArrayElement {
  /// The tensor of rows, which must be of one shape.
  public static func tensor(ofArray array: [[Element]]) throws -> Tensor {
    let rows = try array.map { try $0.tensor() }
    let first = try rows.first ?? [Element]().tensor()
    if let position = rows.firstIndex(where: { $0.shape != first.shape }) {
      throw CaptureError.notConvertible(
        type: "[\(Self.self)]",
        reason: "row 0 has shape \(first.shape), row \(position) has \(rows[position].shape)")
    }
    let storage = Storage(byteCount: rows.count * first.byteCount) { bytes in
      for (position, row) in rows.enumerated() {
        let start = position * first.byteCount
        row.copyBytes(to: .init(rebasing: bytes[start..<start + first.byteCount]))
      }
    }
    return try Tensor(
      storage: storage, dtype: first.dtype, shape: Shape([rows.count] + first.shape.dimensions))
  }

  /// The rows of a tensor.
  public static func array(from tensor: Tensor) throws -> [[Element]] {
    let dimensions = tensor.shape.dimensions
    guard let count = dimensions.first, dimensions.count > 1 else {
      throw CaptureError.unfitTensor(
        type: "[\(Self.self)]", takes: "tensors of a higher rank", dtype: tensor.dtype,
        shape: dimensions)
    }
    let shape = try Shape(Array<Int>(dimensions.dropFirst()))
    let size = shape.elementCount * tensor.dtype.byteCount
    return try (0..<count).map { position in
      let row = try Tensor(
        storage: tensor.storage, dtype: tensor.dtype, shape: shape,
        byteOffset: tensor.byteOffset + position * size, device: tensor.device)
      return try Element.array(from: row)
    }
  }
}

extension Float: TensorArrayElement {
  /// A float32 vector.
  public static func tensor(ofArray array: [Float]) throws -> Tensor {
    try Tensor(array, dtype: .float32)
  }

  /// The values of a vector of float32 or of a smaller floating point dtype, which is exact.
  public static func array(from tensor: Tensor) throws -> [Float] {
    guard tensor.dtype.isFloatingPoint, tensor.dtype.packedCount == 1,
      tensor.dtype != .float64, tensor.shape.rank == 1
    else {
      throw CaptureError.unfitVector(Float.self, "float32 vectors or smaller ones", tensor)
    }
    return tensor.float32Values()
  }
}

extension Double: TensorArrayElement {
  /// A float64 vector.
  public static func tensor(ofArray array: [Double]) throws -> Tensor {
    try Tensor(array, dtype: .float64)
  }

  /// The values of a vector of any floating point dtype, which is exact.
  public static func array(from tensor: Tensor) throws -> [Double] {
    guard tensor.dtype.isFloatingPoint, tensor.dtype.packedCount == 1, tensor.shape.rank == 1 else {
      throw CaptureError.unfitVector(Double.self, "floating point vectors", tensor)
    }
    return tensor.float64Values()
  }
}

#if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
extension Float16: TensorArrayElement {
  /// The value as a run stores it.
  public var capturedValue: CapturedValue { .number(Double(self)) }

  /// A float16 vector.
  public static func tensor(ofArray array: [Float16]) throws -> Tensor {
    try Tensor(array, dtype: .float16)
  }

  /// The values of a float16 vector.
  public static func array(from tensor: Tensor) throws -> [Float16] {
    guard tensor.dtype == .float16, tensor.shape.rank == 1 else {
      throw CaptureError.unfitVector(Float16.self, "float16 vectors", tensor)
    }
    return [Float16](unsafeUninitializedCapacity: tensor.elementCount) { buffer, count in
      tensor.copyBytes(to: UnsafeMutableRawBufferPointer(buffer))
      count = tensor.elementCount
    }
  }
}
#endif

extension CaptureError {
  fileprivate static func unfitVector(
    _ element: Any.Type, _ takes: String, _ tensor: Tensor
  ) -> CaptureError {
    .unfitTensor(
      type: "[\(element)]", takes: takes + " (wrap it in Shaped for another shape)",
      dtype: tensor.dtype, shape: tensor.shape.dimensions)
  }
}
