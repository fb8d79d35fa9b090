import Dispatch

extension BLAS {
  /// How many values one block of a matrix has: for a vector they stay in a core's cache between
  /// being widened and multiplied; several rows are worth packing a larger block for.
  private static func blockCount(rows: Int) -> Int { rows == 1 ? 1 << 16 : 1 << 20 }

  /// The rows of a block.
  ///
  /// They depend on the product's size alone: OpenBLAS sums in another order where a matrix is cut
  /// elsewhere, from a few rows of the other factor on.
  static func blockLength(rows: Int, columns: Int) -> Int {
    max(blockCount(rows: rows) / max(columns, 1) / 64 * 64, rows == 1 ? 16 : 64)
  }

  /// `result = a · bᵀ`, or `result += a · bᵀ`, where b's rows are widened block by block.
  ///
  /// A block belongs to one thread, and blocks are the same however many threads there are.
  func multiply(
    _ a: Matrix, transposed b: Weights, into result: UnsafeMutablePointer<Float>, stride: Int,
    accumulates: Bool
  ) {
    guard a.columns > 0 else { return }
    let rows = b.count / a.columns
    let length = BLAS.blockLength(rows: a.rows, columns: a.columns)
    let blocks = (rows + length - 1) / length
    // Threads read the same rows of a and write different columns of the result.
    nonisolated(unsafe) let (a, result) = (a, result)
    concurrently(blocks) { share in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: length * a.columns) { scratch in
        for block in share {
          let block = block * length..<min((block + 1) * length, rows)
          let range = block.lowerBound * a.columns..<block.upperBound * a.columns
          b.withValues(range, scratch: scratch) { start in
            multiply(
              a, transposed: Matrix(start, rows: block.count, columns: a.columns),
              into: result + block.lowerBound, stride: stride, accumulates: accumulates)
          }
        }
      }
    }
  }

  /// Deals numbers out to the threads.
  private func concurrently(_ count: Int, _ body: @Sendable (StrideTo<Int>) -> Void) {
    let workers = min(threads, count)
    guard workers > 1 else { return body(stride(from: 0, to: count, by: 1)) }
    DispatchQueue.concurrentPerform(iterations: workers) { worker in
      body(stride(from: worker, to: count, by: workers))
    }
  }
}
