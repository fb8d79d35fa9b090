import AssayRuns
package import AssayTensors

/// How two tensors of one shape and dtype differ: every figure of one pass over both.
///
/// `d` is actual minus expected. Sums and maxima go over the pairs in which both elements are
/// finite, and are `nil` where there is no such pair. Indices count elements in row-major order;
/// among equals the first index stands.
public struct Difference: Sendable, Equatable, Codable {
  /// A largest difference and where it is.
  public struct Extreme: Sendable, Equatable, Codable {
    /// The difference.
    public var value: Double
    /// The position in row-major order.
    public var index: Int
    /// The actual element there; the modulus of a complex one.
    public var actual: Double
    /// The expected element there; the modulus of a complex one.
    public var expected: Double
  }

  /// The row, all axes but the last being rows, with the largest relative L2 error.
  public struct Row: Sendable, Equatable, Codable {
    /// The relative L2 error of the row.
    public var value: Double
    /// The row's position, counted in row-major order.
    public var row: Int
  }

  /// A distance in units in the last place and where it is.
  public struct UnitsInLastPlace: Sendable, Equatable, Codable {
    /// How many representable values of the dtype apart; for integers their distance.
    public var distance: UInt64
    /// The position in row-major order.
    public var index: Int
  }

  /// The number of elements compared.
  public var elementCount = 0
  /// The number of elements outside the tolerance.
  public var mismatchedCount = 0
  /// The first element outside the tolerance.
  public var firstMismatchIndex: Int?
  /// The number of pairs in which both elements are finite.
  public var finitePairCount = 0

  /// The largest `|d|`.
  public var maxAbs: Extreme?
  /// The largest `|d| / |expected|`; infinite where only the expected element is 0.
  public var maxRel: Extreme?
  /// The largest `|d|` among mismatched finite pairs, as `torch.testing.assert_close` prints it.
  public var maxAbsMismatched: Extreme?
  /// The largest `|d| / |expected|` among mismatched finite pairs.
  public var maxRelMismatched: Extreme?
  /// The mean of `|d|`.
  public var meanAbs: Double?
  /// The root of the mean of `d^2`.
  public var rmse: Double?
  /// `norm(d) / norm(expected)`; 0 when both are 0, infinite when only the latter is.
  public var relativeL2: Double?
  /// The row with the largest relative L2 error.
  public var worstRow: Row?
  /// `max |d| / max |expected|`; 0 when both are 0, infinite when only the latter is.
  public var relativeLinf: Double?
  /// `<actual, expected> / (norm(actual) norm(expected))`; both zero 1, one zero 0.
  public var cosine: Double?
  /// `1 - 2 <actual, expected> / (norm(actual)^2 + norm(expected)^2)`; 0 when both are zero.
  public var sglRel: Double?
  /// `10 log10(norm(expected)^2 / norm(d)^2)`; infinite when d is 0.
  public var snrDecibels: Double?
  /// The largest distance in representable values; `nil` for bool and complex.
  public var maxULP: UnitsInLastPlace?

  /// The number of positions where one side is NaN or infinite and the other is not the same.
  public var nonFiniteDifferenceCount = 0
  /// The first such position.
  public var firstNonFiniteDifferenceIndex: Int?

  /// The smallest rtol that passes every element at the rule's atol; infinite if none does.
  public var minimumRtol = 0.0
  /// The smallest atol that passes every element at the rule's rtol; infinite if none does.
  public var minimumAtol = 0.0

  /// What the difference means for tokens; `nil` for what are no logits.
  package var logits: LogitsDifference?

  /// The error beside that of a noise floor; `nil` without one.
  package var floor: FloorFigures?

  /// What the actual tensor's values look like.
  package var actualStatistics = TensorStatistics()
  /// What the expected tensor's values look like.
  package var expectedStatistics = TensorStatistics()

  /// The difference of two empty tensors.
  package init() {}

  /// Whether every element is within the tolerance.
  public var isMatch: Bool { mismatchedCount == 0 }

  /// The share of mismatched elements, 0 for an empty tensor.
  public var mismatchedShare: Double {
    elementCount == 0 ? 0 : Double(mismatchedCount) / Double(elementCount)
  }
}
