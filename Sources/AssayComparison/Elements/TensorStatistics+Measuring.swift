import AssayRuns
package import AssayTensors

extension TensorStatistics {
  /// Measures a tensor in one pass.
  ///
  /// - Complexity: O(`elementCount`) time, constant memory.
  package init(of tensor: Tensor) {
    // Comparing a tensor with itself measures it: the fast way, where the kernels serve it.
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
