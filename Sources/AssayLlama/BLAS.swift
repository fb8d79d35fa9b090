import COpenBLAS

/// The products that OpenBLAS computes, each call on the thread that makes it.
///
/// The only place that calls OpenBLAS. Its own threads stay idle: how they cut a product, its last
/// bits would show.
struct BLAS: Sendable {
  /// How many threads share the blocks of a product with weights.
  let threads: Int

  init(threads: Int) {
    self.threads = threads
    BLAS.silencesThreads
  }

  private static let silencesThreads: Void = openblas_set_num_threads(1)

  /// OpenBLAS's version and the kernels it chose for this processor.
  static let library = String(cString: openblas_get_config())
}

/// A row-major matrix that someone else keeps in memory.
struct Matrix {
  var start: UnsafePointer<Float>
  var rows: Int
  var columns: Int
  /// How many elements apart rows begin.
  var stride: Int

  init(_ start: UnsafePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
    self.start = start
    self.rows = rows
    self.columns = columns
    self.stride = stride ?? columns
  }
}

extension BLAS {
  /// `result = a · bᵀ`, or `result += a · bᵀ`.
  ///
  /// - Parameters:
  ///   - a: Rows of length k.
  ///   - b: Rows of length k, one for each column of the result.
  ///   - result: The first of `a.rows` rows of `b.rows` elements.
  ///   - stride: How many elements apart the result's rows begin.
  ///   - accumulates: Whether the product is added to what is there.
  func multiply(
    _ a: Matrix, transposed b: Matrix, into result: UnsafeMutablePointer<Float>, stride: Int,
    accumulates: Bool = false
  ) {
    precondition(a.columns == b.columns)
    guard a.rows > 0, b.rows > 0, a.columns > 0 else { return }
    if a.rows == 1 {
      // A vector times a matrix reads the matrix once; sgemm would pack it first.
      cblas_sgemv(
        CblasRowMajor, CblasNoTrans, CInt(b.rows), CInt(b.columns), 1, b.start, CInt(b.stride),
        a.start, 1, accumulates ? 1 : 0, result, 1)
    } else {
      cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasTrans, CInt(a.rows), CInt(b.rows), CInt(a.columns), 1,
        a.start, CInt(a.stride), b.start, CInt(b.stride), accumulates ? 1 : 0, result,
        CInt(stride))
    }
  }

  /// `result += a · b`.
  func accumulate(
    _ a: Matrix, _ b: Matrix, into result: UnsafeMutablePointer<Float>, stride: Int
  ) {
    precondition(a.columns == b.rows)
    guard a.rows > 0, b.columns > 0, a.columns > 0 else { return }
    if a.rows == 1 {
      cblas_sgemv(
        CblasRowMajor, CblasTrans, CInt(b.rows), CInt(b.columns), 1, b.start, CInt(b.stride),
        a.start, 1, 1, result, 1)
    } else {
      cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasNoTrans, CInt(a.rows), CInt(b.columns),
        CInt(a.columns), 1, a.start, CInt(a.stride), b.start, CInt(b.stride), 1, result,
        CInt(stride))
    }
  }

  /// The sum of squares.
  func squaredNorm(_ values: UnsafeBufferPointer<Float>) -> Float {
    cblas_sdot(CInt(values.count), values.baseAddress, 1, values.baseAddress, 1)
  }
}
