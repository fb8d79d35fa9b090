/// The extents of a tensor along each axis, outermost first; empty for a scalar.
public struct Shape: Hashable, Sendable {
  /// The extents, none of them negative.
  public let dimensions: [Int]

  /// The product of all extents: 1 for a scalar, 0 when any extent is 0.
  public let elementCount: Int

  /// Makes a shape.
  ///
  /// - Parameter dimensions: Extents, outermost axis first.
  /// - Throws: ``TensorError/invalidShape(_:)`` when an extent is negative, or the number of
  ///   elements does not fit in 48 bits.
  public init(_ dimensions: [Int]) throws(TensorError) {
    var product = 1
    for dimension in dimensions {
      guard dimension >= 0 else { throw .invalidShape(dimensions) }
      // An extent of 0 elsewhere must not hide an overflow in the strides.
      let (next, overflow) = product.multipliedReportingOverflow(by: max(dimension, 1))
      guard !overflow, next < Shape.elementLimit else { throw .invalidShape(dimensions) }
      product = next
    }
    self.dimensions = dimensions
    elementCount = dimensions.contains(0) ? 0 : product
  }

  /// The shape of a tensor with one element and no axes.
  public static let scalar = Shape(uncheckedDimensions: [], elementCount: 1)

  /// The shape of a vector.
  ///
  /// - Parameter count: The number of elements; at least 0.
  public static func vector(_ count: Int) -> Shape {
    Shape(uncheckedDimensions: [count], elementCount: count)
  }

  private init(uncheckedDimensions: [Int], elementCount: Int) {
    dimensions = uncheckedDimensions
    self.elementCount = elementCount
  }

  /// More elements than any machine holds; keeps byte counts far from overflow.
  private static let elementLimit = 1 << 48
}

extension Shape {
  /// The number of axes.
  public var rank: Int { dimensions.count }

  /// The strides, in elements, of a row-major tensor of this shape.
  package var contiguousStrides: [Int] {
    var strides = [Int](repeating: 1, count: rank)
    for axis in stride(from: rank - 2, through: 0, by: -1) {
      strides[axis] = strides[axis + 1] * max(dimensions[axis + 1], 1)
    }
    return strides
  }

  /// The shape with fewer indices along one axis.
  func narrowed(_ axis: Int, to extent: Int) -> Shape {
    var dimensions = dimensions
    dimensions[axis] = extent
    return Shape(uncheckedDimensions: dimensions, elementCount: dimensions.reduce(1, *))
  }

  /// The shape with so many elements for each along its last axis; a scalar becomes a vector.
  func multiplyingLastExtent(by factor: Int) -> Shape {
    Shape(
      uncheckedDimensions: dimensions.dropLast() + [rowLength * factor],
      elementCount: elementCount * factor)
  }

  /// The length of a row: the extent of the last axis, or 1 for a scalar.
  package var rowLength: Int { dimensions.last ?? 1 }

  /// The multi-axis index of an element counted in row-major order.
  ///
  /// - Parameter offset: A position from 0 up to, not including, `elementCount`.
  /// - Returns: One index per axis; empty for a scalar.
  package func index(ofElement offset: Int) -> [Int] {
    var rest = offset
    var index = [Int](repeating: 0, count: rank)
    for axis in stride(from: rank - 1, through: 0, by: -1) where dimensions[axis] > 0 {
      index[axis] = rest % dimensions[axis]
      rest /= dimensions[axis]
    }
    return index
  }
}

extension Shape: CustomStringConvertible {
  /// The extents in brackets, such as `[2, 3]`.
  public var description: String {
    "[" + dimensions.map(String.init).joined(separator: ", ") + "]"
  }
}

extension Shape: Codable {
  /// Reads the list of its extents.
  ///
  /// - Throws: ``TensorError/invalidShape(_:)``, as ``init(_:)`` does.
  public init(from decoder: any Decoder) throws {
    try self.init([Int](from: decoder))
  }

  /// Writes the list of its extents.
  public func encode(to encoder: any Encoder) throws { try dimensions.encode(to: encoder) }
}
