public import AssayTensors

/// Measures how two tensors of one shape and dtype differ.
public enum TensorComparison {
  /// Compares two tensors in one streaming pass.
  ///
  /// - Parameters:
  ///   - actual: The tensor under test, of any strides.
  ///   - expected: The reference, of the same shape and dtype.
  ///   - rule: The rule under which elements match.
  /// - Returns: Every figure, the same on every machine and for every layout in memory.
  /// - Throws: ``ComparisonError/shapesDiffer(actual:expected:)`` or
  ///   ``ComparisonError/dtypesDiffer(actual:expected:)``.
  /// - Complexity: O(`elementCount`) time, constant memory.
  public static func difference(
    actual: Tensor, expected: Tensor, rule: ElementRule
  ) throws(ComparisonError) -> Difference {
    try checkPair(actual, expected)
    return kernelDifference(actual, expected, rule) ?? scalarDifference(actual, expected, rule)
  }

  /// Quantiles of `|d|` over the finite pairs.
  ///
  /// - Parameters:
  ///   - actual: The tensor under test.
  ///   - expected: The reference, of the same shape and dtype.
  ///   - fractions: Which quantiles, each from 0 to 1.
  /// - Returns: For each fraction q of n values the one at position `floor(q * (n - 1))` in
  ///   ascending order (numpy's `lower`), exactly; empty when there is no finite pair.
  /// - Throws: ``ComparisonError/invalidQuantile(_:)`` and what `difference` throws.
  /// - Complexity: A few passes over both tensors; memory depends on the number of fractions only.
  ///   Of 65,536 elements at most the differences are sorted in one.
  public static func quantiles(
    actual: Tensor, expected: Tensor, _ fractions: [Double] = [0.5, 0.9, 0.99, 0.999]
  ) throws(ComparisonError) -> [Double] {
    try checkPair(actual, expected)
    for fraction in fractions where !(fraction >= 0 && fraction <= 1) {
      throw .invalidQuantile(String(fraction))
    }
    return actual.dtype.withArithmetic(
      QuantileSelection(actual: actual, expected: expected, fractions: fractions))
  }

  static func checkPair(_ actual: Tensor, _ expected: Tensor) throws(ComparisonError) {
    guard actual.dtype == expected.dtype else {
      throw .dtypesDiffer(actual: actual.dtype, expected: expected.dtype)
    }
    guard actual.shape == expected.shape else {
      throw .shapesDiffer(actual: actual.shape, expected: expected.shape)
    }
  }
}
