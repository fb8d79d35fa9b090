/// What one tensor's values look like: figures over its finite elements, and what is not finite.
///
/// A complex element counts by its modulus, a boolean as 0 or 1.
public struct TensorStatistics: Sendable, Hashable {
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
}
