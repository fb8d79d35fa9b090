/// A float32 array in row-major order. This target stands for the array library of your port, which
/// knows nothing of Assay.
public final class NDArray: Sendable {
  public let shape: [Int]
  public let values: [Float]

  public init(shape: [Int], values: [Float]) {
    precondition(shape.reduce(1, *) == values.count, "\(values.count) values for shape \(shape)")
    self.shape = shape
    self.values = values
  }

  /// The length of a row, which is the last axis.
  public var columns: Int { shape.last ?? 1 }
  public var rows: Int { values.count / columns }

  public func row(_ index: Int) -> ArraySlice<Float> {
    values[index * columns..<(index + 1) * columns]
  }

  public func map(_ transform: (Float) -> Float) -> NDArray {
    NDArray(shape: shape, values: values.map(transform))
  }

  /// Replaces each row; all results have the same length.
  public func mapRows(_ transform: (ArraySlice<Float>) -> [Float]) -> NDArray {
    let rows = (0..<rows).map { transform(row($0)) }
    return NDArray(
      shape: shape.dropLast() + [rows.first?.count ?? 0], values: rows.flatMap { $0 })
  }

  /// This array, of shape [.., n], times the transpose of a matrix [m, n]: [.., m].
  public func times(transposed matrix: NDArray) -> NDArray {
    mapRows { row in
      (0..<matrix.rows).map { zip(row, matrix.row($0)).reduce(0) { $0 + $1.0 * $1.1 } }
    }
  }

  public func transposed() -> NDArray {
    NDArray(
      shape: [columns, rows],
      values: (0..<columns).flatMap { c in (0..<rows).map { values[$0 * columns + c] } })
  }

  public func columns(_ range: Range<Int>) -> NDArray {
    mapRows { Array($0.dropFirst(range.lowerBound).prefix(range.count)) }
  }

  public func reshaped(_ shape: [Int]) -> NDArray { NDArray(shape: shape, values: values) }

  public static func + (a: NDArray, b: NDArray) -> NDArray {
    precondition(a.shape == b.shape, "\(a.shape) + \(b.shape)")
    return NDArray(shape: a.shape, values: zip(a.values, b.values).map { $0 + $1 })
  }
}
