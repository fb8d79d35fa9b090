/// Something that reads what others wrote.
struct FuzzTarget: Sendable {
  var name: String
  /// Reads an input, down to every tensor's elements; throws where it is refused.
  var read: @Sendable ([UInt8]) throws -> Void
  /// Makes checksums true after a mutation, without changing the size.
  var repair: (@Sendable (UnsafeMutableRawBufferPointer) -> Void)?

  init(
    _ name: String, repair: (@Sendable (UnsafeMutableRawBufferPointer) -> Void)? = nil,
    _ read: @escaping @Sendable ([UInt8]) throws -> Void
  ) {
    self.name = name
    self.read = read
    self.repair = repair
  }

  static let all = files + texts + runs + [child]
}
