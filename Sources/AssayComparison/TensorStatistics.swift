public import AssayTensors

/// What one tensor's values look like: figures over its finite elements, and what is not finite.
///
/// A complex element counts by its modulus, a boolean as 0 or 1.
public struct TensorStatistics: Sendable, Equatable {
  /// The number of elements, finite or not.
  public var elementCount = 0
  /// The smallest finite element; `nil` without one.
  public var min: Double?
  /// The largest finite element; `nil` without one.
  public var max: Double?
  /// The mean of the finite elements; `nil` without one.
  public var mean: Double?
  /// The population standard deviation of the finite elements (divided by n, not n - 1).
  public var standardDeviation: Double?
  /// The Euclidean norm of the finite elements; 0 without one.
  public var l2 = 0.0
  /// The number of NaN elements.
  public var nanCount = 0
  /// The number of infinite elements of either sign.
  public var infCount = 0

  /// The statistics of no elements.
  public init() {}

  /// Measures a tensor in one pass.
  ///
  /// - Complexity: O(`elementCount`) time, constant memory.
  public init(of tensor: Tensor) {
    // Comparing a tensor with itself measures it, and for the common floats that is the fast way.
    self =
      TensorComparison.kernelDifference(tensor, tensor, .exact)?.actualStatistics
      ?? tensor.dtype.withArithmetic(StatisticsTask(tensor: tensor))
  }

  /// Measures the deviation again, element by element, where it is so small beside the mean that
  /// the difference of the kernels' sums has lost its digits.
  mutating func refineDeviation(of tensor: Tensor) {
    guard let mean, let deviation = standardDeviation, min != max,
      deviation < 1e-4 * mean.magnitude
    else { return }
    standardDeviation =
      tensor.dtype.withArithmetic(StatisticsTask(tensor: tensor)).standardDeviation
  }
}

private struct StatisticsTask: ArithmeticTask {
  let tensor: Tensor

  func run<Arithmetic: PairArithmetic>(_ arithmetic: Arithmetic.Type) -> TensorStatistics {
    var accumulator = StatisticsAccumulator()
    TensorComparison.walk(tensor, tensor) { base, _, count in
      for i in 0..<count {
        let element = Arithmetic.load(base, i)
        accumulator.add(
          Arithmetic.value(element), isNaN: Arithmetic.isNaN(element),
          isFinite: Arithmetic.isFinite(element))
      }
    }
    return accumulator.statistics
  }
}
