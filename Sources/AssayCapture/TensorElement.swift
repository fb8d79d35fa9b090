public import AssayTensors

/// A Swift number type that is the element of a tensor.
public protocol TensorElement: BitwiseCopyable {
  /// The dtype of tensors of such elements.
  static var tensorDType: DType { get }
}

extension Float: TensorElement {
  /// `float32`.
  public static var tensorDType: DType { .float32 }
}

extension Double: TensorElement {
  /// `float64`.
  public static var tensorDType: DType { .float64 }
}

#if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
extension Float16: TensorElement {
  /// `float16`.
  public static var tensorDType: DType { .float16 }
}
#endif

extension Int: TensorElement {
  /// `int64`.
  public static var tensorDType: DType { .int64 }
}

extension Int8: TensorElement {
  /// `int8`.
  public static var tensorDType: DType { .int8 }
}

extension Int16: TensorElement {
  /// `int16`.
  public static var tensorDType: DType { .int16 }
}

extension Int32: TensorElement {
  /// `int32`.
  public static var tensorDType: DType { .int32 }
}

extension Int64: TensorElement {
  /// `int64`.
  public static var tensorDType: DType { .int64 }
}

extension UInt: TensorElement {
  /// `uint64`.
  public static var tensorDType: DType { .uint64 }
}

extension UInt8: TensorElement {
  /// `uint8`.
  public static var tensorDType: DType { .uint8 }
}

extension UInt16: TensorElement {
  /// `uint16`.
  public static var tensorDType: DType { .uint16 }
}

extension UInt32: TensorElement {
  /// `uint32`.
  public static var tensorDType: DType { .uint32 }
}

extension UInt64: TensorElement {
  /// `uint64`.
  public static var tensorDType: DType { .uint64 }
}
