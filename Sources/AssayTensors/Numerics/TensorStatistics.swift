/// What one tensor's values look like: figures over its finite elements, and what is not finite.
///
/// A complex element counts by its modulus, a boolean as 0 or 1.
package struct TensorStatistics: Sendable, Hashable, Codable {
  /// The number of elements, finite or not.
  package var elementCount = 0
  /// The smallest finite element; `nil` without one.
  package var min: Double?
  /// The largest finite element; `nil` without one.
  package var max: Double?
  /// The mean of the finite elements; `nil` without one.
  package var mean: Double?
  /// The population standard deviation of the finite elements (divided by n, not n - 1).
  package var standardDeviation: Double?
  /// The Euclidean norm of the finite elements; 0 without one.
  package var l2 = 0.0
  /// The number of NaN elements.
  package var nanCount = 0
  /// The number of infinite elements of either sign.
  package var infCount = 0

  /// The statistics of no elements.
  package init() {}
}
