/// What only a further pass over a failing tensor can show.
package struct TensorDetail: Sendable, Equatable {
  /// The 50th, 90th, 99th and 99.9th percentile of `|d|`; empty when there is no finite pair.
  package var quantiles: [Double]
  /// How often `|d|` has which magnitude.
  package var histogram: ErrorHistogram
  /// Where in the worst slice the errors are.
  package var heatmap: ErrorHeatmap
}

/// How often `|d|` has which magnitude, over the pairs in which both elements are finite.
package struct ErrorHistogram: Sendable, Equatable {
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
package struct ErrorHeatmap: Sendable, Equatable {
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
