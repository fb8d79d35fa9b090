// A stand-in for MLX of github.com/ml-explore/mlx-swift (0.31.6), where that is not built: what the
// adapter uses of Source/MLX/{DType,MLXArray,MLXArray+Bytes,MLXArray+Init,Factory}.swift, with the same
// signatures. MLX_SWIFT of Package.swift takes the real one.
import Foundation

public enum DType: Hashable, Sendable, CaseIterable {
  case bool, uint8, uint16, uint32, uint64, int8, int16, int32, int64
  case float16, float32, bfloat16, complex64, float64
}

public final class MLXArray {
  public let shape: [Int]
  public let dtype: DType
  private let bytes: Data

  public enum AccessMethod {
    case copy, noCopyIfContiguous, noCopy
  }

  public struct MLXArrayData {
    public let data: Data
    public let shape: [Int]
    public let strides: [Int]
    public let dType: DType
  }

  public init(_ data: Data, _ shape: (some Collection<Int>)? = [Int]?.none, dtype: DType) {
    precondition(!data.isEmpty)
    self.shape = shape.map { Array($0) } ?? [data.count]
    self.dtype = dtype
    bytes = data
  }

  private init(shape: [Int], dtype: DType) {
    self.shape = shape
    self.dtype = dtype
    bytes = Data()
  }

  public static func zeros(
    _ shape: some Collection<Int>, dtype: DType = .float32
  ) -> MLXArray {
    precondition(shape.contains(0))
    return MLXArray(shape: Array(shape), dtype: dtype)
  }

  public var size: Int { shape.reduce(1, *) }

  public func asData(access: AccessMethod = .copy) -> MLXArrayData {
    MLXArrayData(data: bytes, shape: shape, strides: [], dType: dtype)
  }
}
