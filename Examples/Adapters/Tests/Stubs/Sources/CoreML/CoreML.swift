// A stand-in for Core ML where there is none: what the adapters use, with the signatures of
// developer.apple.com/documentation/coreml (MLMultiArray, MLShapedArray, MLTensor of macOS 15) and the
// numbers of MLMultiArray.h. Arrays may be strided, as Core ML's over pixel buffers are.
import Foundation

public enum MLMultiArrayDataType: Int {
  case double = 65600
  case float32 = 65568
  case float16 = 65552
  case int32 = 131104
  case int8 = 131080
}

open class MLMultiArray: NSObject {
  public let shape: [NSNumber]
  public let strides: [NSNumber]
  public let dataType: MLMultiArrayDataType
  private var memory: [UInt8]

  public init(shape: [NSNumber], dataType: MLMultiArrayDataType) throws {
    self.shape = shape
    self.dataType = dataType
    var stride = 1
    strides = shape.reversed().map { extent in
      defer { stride *= extent.intValue }
      return NSNumber(value: stride)
    }.reversed()
    memory = [UInt8](repeating: 0, count: stride * (dataType.rawValue & 0xFF) / 8)
  }

  /// Makes an array as one over a pixel buffer is; Core ML's own initializer has other types.
  public init(bytes: [UInt8], shape: [NSNumber], strides: [NSNumber], _ type: MLMultiArrayDataType)
  {
    (self.shape, self.strides, dataType, memory) = (shape, strides, type, bytes)
  }

  public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try memory.withUnsafeBytes(body)
  }

  public func withUnsafeMutableBytes<R>(
    _ body: (UnsafeMutableRawBufferPointer, [Int]) throws -> R
  ) rethrows -> R {
    try memory.withUnsafeMutableBytes { try body($0, strides.map(\.intValue)) }
  }
}

public protocol MLShapedArrayScalar {}
public protocol MLTensorScalar: Sendable {}
extension Float: MLShapedArrayScalar, MLTensorScalar {}
extension Double: MLShapedArrayScalar {}
extension Float16: MLShapedArrayScalar, MLTensorScalar {}
extension Int32: MLShapedArrayScalar, MLTensorScalar {}
extension Int8: MLTensorScalar {}
extension Int16: MLTensorScalar {}
extension UInt8: MLTensorScalar {}
extension UInt16: MLTensorScalar {}
extension UInt32: MLTensorScalar {}
extension Bool: MLTensorScalar {}

public struct MLShapedArray<Scalar: MLShapedArrayScalar> {
  public let shape: [Int]
  public let strides: [Int]
  private let memory: [Scalar]

  public init(data: Data, shape: [Int]) {
    self.init(data: data, shape: shape, strides: Self.rowMajor(shape))
  }

  public init(data: Data, shape: [Int], strides: [Int]) {
    self.shape = shape
    self.strides = strides
    memory = Array(unsafeUninitializedCapacity: data.count / MemoryLayout<Scalar>.stride) {
      buffer, count in
      count = data.copyBytes(to: buffer) / MemoryLayout<Scalar>.stride
    }
  }

  public init<S: Sequence>(scalars: S, shape: [Int]) where S.Element == Scalar {
    (self.shape, strides, memory) = (shape, Self.rowMajor(shape), Array(scalars))
  }

  private static func rowMajor(_ shape: [Int]) -> [Int] {
    var stride = 1
    return shape.reversed().map { extent in
      defer { stride *= extent }
      return stride
    }.reversed()
  }

  /// Of a row-major array.
  public var scalars: [Scalar] { memory }

  public func withUnsafeShapedBufferPointer<R>(
    _ body: (UnsafeBufferPointer<Scalar>, [Int], [Int]) throws -> R
  ) rethrows -> R {
    try memory.withUnsafeBufferPointer { try body($0, shape, strides) }
  }
}

public struct MLTensor: Sendable {
  public let shape: [Int]
  public let scalarType: any MLTensorScalar.Type
  private let data: Data

  public init(shape: [Int], data: Data, scalarType: any MLTensorScalar.Type) {
    (self.shape, self.data, self.scalarType) = (shape, data, scalarType)
  }

  public func cast<Scalar: MLTensorScalar>(to scalarType: Scalar.Type) -> MLTensor {
    precondition(scalarType == Int32.self)
    let values: [Int32] =
      switch self.scalarType {
      case is Int8.Type: data.map { Int32(Int8(bitPattern: $0)) }
      case is UInt8.Type, is Bool.Type: data.map { Int32($0) }
      case is Int16.Type: data.values(Int16.self).map { Int32($0) }
      default: data.values(UInt16.self).map { Int32($0) }
      }
    return MLTensor(
      shape: shape, data: values.withUnsafeBytes { Data($0) }, scalarType: Int32.self)
  }

  public func shapedArray<Scalar: MLShapedArrayScalar & MLTensorScalar>(
    of scalarType: Scalar.Type
  ) async -> MLShapedArray<Scalar> {
    precondition(scalarType == self.scalarType)
    return MLShapedArray(data: data, shape: shape)
  }
}

extension Data {
  fileprivate func values<Value: BitwiseCopyable>(_ type: Value.Type) -> [Value] {
    withUnsafeBytes { bytes in
      stride(from: 0, to: bytes.count, by: MemoryLayout<Value>.stride).map {
        bytes.loadUnaligned(fromByteOffset: $0, as: type)
      }
    }
  }
}
