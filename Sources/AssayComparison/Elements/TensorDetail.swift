import AssayTensors

/// What only a further pass over a failing tensor can show.
package struct TensorDetail: Sendable, Equatable, Codable {
  /// The 50th, 90th, 99th and 99.9th percentile of `|d|`; empty when there is no finite pair.
  package var quantiles: [Double]
  /// How often `|d|` has which magnitude.
  package var histogram: ErrorHistogram
  /// Where in the worst slice the errors are.
  package var heatmap: ErrorHeatmap
  /// What each entry of the first axis came to; `nil` unless rows are compared.
  package var rows: [RowError]?
}

/// How two rows differ.
package struct RowError: Sendable, Equatable, Codable {
  /// The relative L2 error; 0 only where all values are equal, infinite where values are NaN or
  /// infinite on one side only.
  package var error: Double
  /// How many elements are outside the tolerance.
  package var mismatchedCount: Int
}

/// How often `|d|` has which magnitude, over the pairs in which both elements are finite.
package struct ErrorHistogram: Sendable, Equatable, Codable {
  /// How many pairs are equal.
  package var zeroCount = 0
  /// The power of two at which the first bin begins.
  package var firstExponent = 0
  /// How many pairs each bin holds: the one at position i those of
  /// 2^(`firstExponent` + i) <= `|d|` < 2^(`firstExponent` + i + 1); the first and last are not
  /// empty.
  package var counts: [Int] = []

  /// Makes a histogram.
  package init(zeroCount: Int = 0, firstExponent: Int = 0, counts: [Int] = []) {
    self.zeroCount = zeroCount
    self.firstExponent = firstExponent
    self.counts = counts
  }
}

/// The errors over one slice of a tensor: its last two axes, in a bounded number of cells.
///
/// A tensor of fewer axes is one row.
package struct ErrorHeatmap: Sendable, Equatable, Codable {
  /// The slice's index along the axes before the last two.
  package var slice: [Int]
  /// The number of the slice's rows.
  package var rowCount: Int
  /// The number of the slice's columns.
  package var columnCount: Int
  /// The largest `|d|` in each cell, row by row of at most 32 by 64 cells; infinite where an element
  /// is NaN or infinite on one side only, or differently.
  ///
  /// Of n cells along an axis of m elements the one at position i begins at element i m / n.
  package var cells: [[Double]]

  /// The most cells along both axes.
  static let limits = (rows: 32, columns: 64)
}

extension TensorComparison {
  /// How each entry of the first axis differs.
  ///
  /// - Parameters: Two tensors of one dtype and shape, with a first axis.
  static func rowErrors(
    _ actual: Tensor, _ expected: Tensor, rule: ElementRule
  ) throws -> [RowError] {
    let (ours, theirs) = (actual.contiguous(), expected.contiguous())
    let dimensions = expected.shape.dimensions
    let shape = try Shape(Array(dimensions.dropFirst()))
    let size = dimensions[0] == 0 ? 0 : ours.byteCount / dimensions[0]
    return try (0..<dimensions[0]).map { row in
      let (a, e) = (
        try Tensor(
          storage: ours.storage, dtype: ours.dtype, shape: shape,
          byteOffset: ours.byteOffset + row * size),
        try Tensor(
          storage: theirs.storage, dtype: theirs.dtype, shape: shape,
          byteOffset: theirs.byteOffset + row * size)
      )
      let difference = try difference(actual: a, expected: e, rule: rule)
      var error = difference.relativeL2 ?? 0
      if difference.nonFiniteDifferenceCount > 0 { error = .infinity }
      // Too small to be told as a number is not equal.
      if error == 0, difference.maxAbs?.value ?? 0 > 0 { error = .leastNonzeroMagnitude }
      return RowError(error: error, mismatchedCount: difference.mismatchedCount)
    }
  }
}
