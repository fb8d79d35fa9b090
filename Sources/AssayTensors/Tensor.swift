/// An immutable view of elements in a ``Storage``: contiguous or strided, owned or mapped.
public struct Tensor: Sendable {
  /// The type of each element, stored little-endian.
  public let dtype: DType
  /// The extents, outermost axis first.
  public let shape: Shape
  /// How many elements apart neighbours along each axis lie in the storage.
  public let strides: [Int]
  /// Where the first element starts in the storage, in bytes.
  public let byteOffset: Int
  /// The bytes under the view, which may hold more than the view shows.
  public let storage: Storage
  /// Where the tensor lived when it was recorded.
  public let device: Device

  /// Makes a view and checks that it stays within its storage.
  ///
  /// - Parameters:
  ///   - storage: The bytes under the view.
  ///   - dtype: The element type.
  ///   - shape: The extents.
  ///   - strides: Strides in elements, from 0 to 2^48; `nil` for row-major.
  ///   - byteOffset: Where element 0 starts in the storage.
  ///   - device: Where the tensor lived.
  /// - Throws: ``TensorError/invalidStrides(_:shape:)``,
  ///   ``TensorError/outOfBounds(neededBytes:availableBytes:)``, or
  ///   ``TensorError/excessiveExpansion(shape:bytes:storageBytes:)`` for a view that repeats its
  ///   bytes beyond 64 times the storage and 256 MiB.
  public init(
    storage: Storage, dtype: DType, shape: Shape, strides: [Int]? = nil, byteOffset: Int = 0,
    device: Device = .cpu
  ) throws(TensorError) {
    let strides = strides ?? shape.contiguousStrides
    // The stride of an axis of extent 1 moves nothing, but must not overflow either.
    guard strides.count == shape.rank, strides.allSatisfy({ (0..<1 << 48).contains($0) }) else {
      throw .invalidStrides(strides, shape: shape.dimensions)
    }
    let needed = try Tensor.extent(shape: shape, strides: strides, dtype: dtype, from: byteOffset)
    guard byteOffset >= 0, needed <= storage.byteCount else {
      throw .outOfBounds(neededBytes: needed, availableBytes: storage.byteCount)
    }
    let byteCount = shape.elementCount * dtype.byteCount
    guard byteCount <= storage.byteCount * 64 + 256 << 20 else {
      throw .excessiveExpansion(
        shape: shape.dimensions, bytes: byteCount, storageBytes: storage.byteCount)
    }
    self.storage = storage
    self.dtype = dtype
    self.shape = shape
    self.strides = strides
    self.byteOffset = byteOffset
    self.device = device
  }

  /// The end of the last element in the storage, in bytes.
  private static func extent(
    shape: Shape, strides: [Int], dtype: DType, from byteOffset: Int
  ) throws(TensorError) -> Int {
    if shape.elementCount == 0 { return byteOffset }
    var last = 0
    for (dimension, stride) in zip(shape.dimensions, strides) {
      let (span, overflow) = (dimension - 1).multipliedReportingOverflow(by: stride)
      let (sum, sumOverflow) = last.addingReportingOverflow(span)
      guard !overflow, !sumOverflow, sum < 1 << 56 else {
        throw .invalidStrides(strides, shape: shape.dimensions)
      }
      last = sum
    }
    let (end, overflow) = byteOffset.addingReportingOverflow((last + 1) * dtype.byteCount)
    guard !overflow else { throw .outOfBounds(neededBytes: .max, availableBytes: 0) }
    return end
  }
}

extension Tensor {
  /// The number of elements.
  public var elementCount: Int { shape.elementCount }

  /// The size of the elements in bytes, without what the view does not show.
  public var byteCount: Int { shape.elementCount * dtype.byteCount }

  /// Whether the elements lie in memory, in row-major order without gaps.
  public var isContiguous: Bool { storage.assembly == nil && isRowMajor }

  /// Whether the elements stand in row-major order without gaps.
  var isRowMajor: Bool {
    var expected = 1
    for (dimension, stride) in zip(shape.dimensions, strides).reversed() {
      if dimension == 0 { return true }
      if dimension != 1 && stride != expected { return false }
      expected *= dimension
    }
    return true
  }

  /// The same elements said to live on another device.
  public func on(_ device: Device) -> Tensor {
    Tensor(
      trusting: storage, dtype: dtype, shape: shape, strides: strides, byteOffset: byteOffset,
      device: device)
  }

  /// Makes a view whose bounds the caller has already established.
  init(
    trusting storage: Storage, dtype: DType, shape: Shape, strides: [Int], byteOffset: Int,
    device: Device
  ) {
    self.storage = storage
    self.dtype = dtype
    self.shape = shape
    self.strides = strides
    self.byteOffset = byteOffset
    self.device = device
  }
}

extension Tensor {
  /// A view of some entries along an axis.
  ///
  /// - Parameters:
  ///   - range: Entries that the axis has.
  ///   - axis: A position from 0 up to, not including, the rank.
  package func part(_ range: Range<Int>, alongAxis axis: Int) throws(TensorError) -> Tensor {
    var dimensions = shape.dimensions
    dimensions[axis] = range.count
    let shape = try Shape(dimensions)
    // Without elements there is nothing to point at, and the storage may be empty too.
    let offset =
      shape.elementCount == 0 ? 0 : range.lowerBound * strides[axis] * dtype.byteCount
    return try Tensor(
      storage: storage, dtype: dtype, shape: shape, strides: strides,
      byteOffset: byteOffset + offset, device: device)
  }
}
