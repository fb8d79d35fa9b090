internal import CAssayKernels

/// Projects vectors onto random directions whose components are 1 or -1.
///
/// The sign of component i in direction 64 w + b is bit b of output i · words + w of the generator
/// splitmix64, 1 being minus. So it depends on nothing but the seed and the component's position.
package enum SignProjection {
  /// Adds components to the sums of their directions, one after another.
  ///
  /// - Parameters:
  ///   - values: The next components.
  ///   - first: The position of the first of them.
  ///   - seed: The seed of the signs.
  ///   - sums: One for each direction, a multiple of 64.
  ///   - instructions: Which kernel to use; all give the same bits.
  /// - Complexity: O(`values.count` · `sums.count`).
  package static func add(
    _ values: UnsafeBufferPointer<Double>, at first: Int, seed: UInt64, to sums: inout [Double],
    using instructions: InstructionSet = .best
  ) {
    precondition(sums.count.isMultiple(of: 64))
    guard let base = values.baseAddress else { return }
    sums.withUnsafeMutableBufferPointer { sums in
      assay_project(
        instructions.rawValue, seed, UInt64(first), base, values.count, sums.count / 64,
        sums.baseAddress)
    }
  }
}

/// The generator splitmix64, whose outputs can be told by their position.
package enum SplitMix64 {
  /// The output at a position, from 0.
  package static func output(_ index: Int, seed: UInt64) -> UInt64 {
    assay_splitmix64(seed, UInt64(index))
  }
}
