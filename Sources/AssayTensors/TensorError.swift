/// What can be wrong with a tensor's description or the bytes under it.
public enum TensorError: Error, Equatable, Sendable {
  /// An extent is negative or the shape has too many elements.
  case invalidShape([Int])
  /// There is not one stride per axis, or a stride is negative or beyond 2^48.
  case invalidStrides([Int], shape: [Int])
  /// The view reaches beyond the bytes under it.
  case outOfBounds(neededBytes: Int, availableBytes: Int)
  /// A view repeats its bytes so often that reading it would take unreasonable time.
  case excessiveExpansion(shape: [Int], bytes: Int, storageBytes: Int)
  /// The number of values does not match the shape.
  case countMismatch(expected: Int, found: Int)
  /// A regular expression that Python's `re` would not accept, or that cannot be translated.
  case invalidPattern(String, reason: String)
}

extension TensorError: CustomStringConvertible {
  /// What is wrong, for people.
  public var description: String {
    switch self {
    case .invalidShape(let dimensions):
      "invalid shape \(dimensions): no extent may be negative, and their product must be below 2^48"
    case .invalidStrides(let strides, let shape):
      "invalid strides \(strides) for shape \(shape): one stride per axis, from 0 to 2^48"
    case .outOfBounds(let needed, let available):
      "the tensor needs \(needed) bytes of its storage, which has \(available)"
    case .excessiveExpansion(let shape, let bytes, let storageBytes):
      "a view of shape \(shape) repeats \(storageBytes) stored bytes into \(bytes); refused"
    case .countMismatch(let expected, let found):
      "expected \(expected) values for the shape, found \(found)"
    case .invalidPattern(let pattern, let reason):
      "invalid regular expression \"\(pattern)\": \(reason)"
    }
  }
}

extension TensorError {
  /// The text for a message that names the pattern itself.
  package var reason: String {
    if case .invalidPattern(_, let reason) = self { return reason }
    return description
  }
}
