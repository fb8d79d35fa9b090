import AssayTensors
import Testing

@testable import AssayComparison

@Suite struct TensorDetailTests {
  private func detail(_ actual: [Double], _ expected: [Double], _ dimensions: [Int]) throws
    -> TensorDetail
  {
    let shape = try Shape(dimensions)
    let a = try Tensor(actual, dtype: .float64, shape: shape)
    let e = try Tensor(expected, dtype: .float64, shape: shape)
    let difference = try TensorComparison.difference(actual: a, expected: e, rule: .exact)
    return try TensorComparison.detail(actual: a, expected: e, difference: difference)
  }

  @Test func histogramCountsPowersOfTwo() throws {
    // |d|: 0, 0, 1, 1.5, 2, 7.9, 0.5, 1/8
    let found = try detail(
      [3, -0.0, 1, -1.5, 2, 7.9, 0.5, 0.125], [3, 0, 0, 0, 0, 0, 0, 0], [8])
    #expect(found.histogram.zeroCount == 2)
    #expect(found.histogram.firstExponent == -3)
    #expect(found.histogram.counts == [1, 0, 1, 2, 1, 1])
  }

  @Test func histogramHoldsTheSmallestAndTheLargestDifferences() throws {
    let most = Double.greatestFiniteMagnitude
    let found = try detail([5e-324, most], [0, -most], [2])
    #expect(found.histogram.firstExponent == -1074)
    #expect(found.histogram.counts.count == 2098)
    #expect(found.histogram.counts.reduce(0, +) == 2)
  }

  @Test func valuesThatAreNotFiniteAreNotInTheHistogram() throws {
    let found = try detail([.nan, .infinity, 1], [0, .infinity, 1], [3])
    #expect(found.histogram == ErrorHistogram(zeroCount: 1))
    #expect(found.heatmap.cells == [[.infinity, 0, 0]])
  }

  @Test func emptyTensorsHaveNoCells() throws {
    for dimensions in [[0], [2, 0], [0, 3, 4]] {
      let found = try detail([], [], dimensions)
      #expect(found.heatmap.cells.isEmpty)
      #expect(found.histogram == ErrorHistogram())
      #expect(found.quantiles.isEmpty)
    }
  }

  @Test func scalarIsOneCell() throws {
    let found = try detail([3], [1], [])
    #expect(found.heatmap == ErrorHeatmap(slice: [], rowCount: 1, columnCount: 1, cells: [[2]]))
  }

  @Test func heatmapIsOfTheSliceWithTheWorstRow() throws {
    // Two slices of 2 x 3; the second one's first row is worst.
    let expected: [Double] = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    let actual: [Double] = [1, 1.5, 1, 1, 1, 1, 1, 1, 3, 1, 1.25, 1]
    let found = try detail(actual, expected, [2, 2, 3]).heatmap
    #expect(found.slice == [1])
    #expect(found.rowCount == 2)
    #expect(found.columnCount == 3)
    #expect(found.cells == [[0, 0, 2], [0, 0.25, 0]])
  }

  @Test func sliceWithValuesThatAreNotFiniteIsWorst() throws {
    let found = try detail([9, 9, .nan, 1], [1, 1, 1, 1], [2, 1, 2]).heatmap
    #expect(found.slice == [1])
    #expect(found.cells == [[.infinity, 0]])
  }

  /// Each cell is the largest of the elements that its documentation says it has.
  @Test(arguments: [(1, 1), (32, 64), (33, 65), (100, 7), (3, 1000), (64, 128), (95, 201)])
  func cellsAreBounded(rows: Int, columns: Int) throws {
    let values = (0..<rows * columns).map { Double(($0 * 7919) % 1009) }
    let heatmap = try detail(
      values, Array(repeating: 0, count: values.count), [1, rows, columns]
    ).heatmap
    let (down, across) = (min(rows, 32), min(columns, 64))
    #expect(heatmap.cells.count == down)
    #expect(heatmap.cells.allSatisfy { $0.count == across })
    for y in 0..<down {
      for x in 0..<across {
        var largest = 0.0
        for r in y * rows / down..<(y + 1) * rows / down {
          for c in x * columns / across..<(x + 1) * columns / across {
            largest = max(largest, values[r * columns + c])
          }
        }
        #expect(heatmap.cells[y][x] == largest)
      }
    }
  }
}
