package import AssayTensors

extension TensorComparison {
  /// What further passes show of two tensors.
  ///
  /// - Parameters:
  ///   - actual: The tensor under test.
  ///   - expected: The reference, of the same shape and dtype.
  ///   - difference: What the first pass came to, which tells the worst slice.
  /// - Throws: What `difference` throws.
  /// - Complexity: A few passes over both tensors; memory that does not depend on their size.
  package static func detail(
    actual: Tensor, expected: Tensor, difference: Difference
  ) throws(ComparisonError) -> TensorDetail {
    let quantiles = try quantiles(actual: actual, expected: expected)
    let slice = WorstSlice(of: difference, shape: actual.dtype.valueShape(of: actual.shape))
    let (histogram, cells) = actual.dtype.withArithmetic(
      DetailTask(actual: actual, expected: expected, slice: slice))
    return TensorDetail(
      quantiles: quantiles, histogram: histogram,
      heatmap: ErrorHeatmap(
        slice: slice.index, rowCount: slice.rowCount, columnCount: slice.columnCount, cells: cells))
  }
}

/// The last two axes of a tensor where its worst row is.
private struct WorstSlice {
  var index: [Int] = []
  var rowCount = 1
  var columnCount: Int
  /// Positions in row-major order; each number in a packed element has its own.
  var elements: Range<Int>

  init(of difference: Difference, shape: Shape) {
    let columnCount = shape.rowLength
    self.columnCount = columnCount
    guard shape.rank > 1, shape.elementCount > 0 else {
      elements = 0..<shape.elementCount
      return
    }
    rowCount = shape.dimensions[shape.rank - 2]
    let size = rowCount * columnCount
    let worst =
      difference.firstNonFiniteDifferenceIndex
      ?? difference.worstRow.map { $0.row * columnCount } ?? 0
    let start = worst / size * size
    elements = start..<start + size
    index = shape.index(ofElement: start).dropLast(2)
  }
}

private struct DetailTask: ArithmeticTask {
  let actual: Tensor
  let expected: Tensor
  let slice: WorstSlice

  func run<Arithmetic: PairArithmetic>(
    _ arithmetic: Arithmetic.Type
  ) -> (ErrorHistogram, cells: [[Double]]) {
    (histogram(arithmetic), cells(arithmetic))
  }

  private func histogram<Arithmetic: PairArithmetic>(
    _ arithmetic: Arithmetic.Type
  ) -> ErrorHistogram {
    let lowest = Double.leastNonzeroMagnitude.exponent
    let highest = Double.greatestFiniteMagnitude.exponent
    var counts = [Int](repeating: 0, count: highest - lowest + 1)
    var zeroCount = 0
    TensorComparison.walk(actual, expected) { a, e, count in
      for i in 0..<count {
        let (a, e) = (Arithmetic.load(a, i), Arithmetic.load(e, i))
        guard Arithmetic.isFinite(a), Arithmetic.isFinite(e) else { continue }
        let gap = Arithmetic.figure(Arithmetic.gap(a, e), a, e)
        if gap == 0 {
          zeroCount += 1
        } else {
          counts[min(Int(gap.exponent), highest) - lowest] += 1
        }
      }
    }
    guard let first = counts.firstIndex(where: { $0 > 0 }),
      let last = counts.lastIndex(where: { $0 > 0 })
    else { return ErrorHistogram(zeroCount: zeroCount) }
    return ErrorHistogram(
      zeroCount: zeroCount, firstExponent: first + lowest, counts: Array(counts[first...last]))
  }

  private func cells<Arithmetic: PairArithmetic>(_ arithmetic: Arithmetic.Type) -> [[Double]] {
    guard !slice.elements.isEmpty else { return [] }
    let rows = min(slice.rowCount, ErrorHeatmap.limits.rows)
    let columns = min(slice.columnCount, ErrorHeatmap.limits.columns)
    var cells = [[Double]](repeating: Array(repeating: 0, count: columns), count: rows)
    var element = 0
    let packed = actual.dtype.packedCount
    let elements = slice.elements.lowerBound / packed..<slice.elements.upperBound / packed
    TensorComparison.walk(actual, expected, elements) { a, e, count in
      for i in 0..<count {
        let (row, column) = element.quotientAndRemainder(dividingBy: slice.columnCount)
        let gap = gap(arithmetic, Arithmetic.load(a, i), Arithmetic.load(e, i))
        // The inverse of where a cell begins.
        let y = ((row + 1) * rows - 1) / slice.rowCount
        let x = ((column + 1) * columns - 1) / slice.columnCount
        cells[y][x] = max(cells[y][x], gap)
        element += 1
      }
    }
    return cells
  }

  private func gap<Arithmetic: PairArithmetic>(
    _ arithmetic: Arithmetic.Type, _ a: Arithmetic.Element, _ e: Arithmetic.Element
  ) -> Double {
    if Arithmetic.isFinite(a), Arithmetic.isFinite(e) {
      return Arithmetic.figure(Arithmetic.gap(a, e), a, e)
    }
    let areNaN = Arithmetic.isNaN(a) && Arithmetic.isNaN(e)
    return areNaN || Arithmetic.isEqual(a, e) ? 0 : .infinity
  }
}
