import AssayRuns
package import AssayTensors
internal import CAssayKernels

/// How many of a tensor's elements are what: NaN, infinite, zero, subnormal, near the largest.
///
/// A complex element counts as its two parts.
package struct TensorCensus: Sendable, Hashable {
  /// The number of elements.
  package var elementCount: Int
  /// The number of NaN elements.
  package var nanCount: Int
  /// The number of infinite elements of either sign.
  package var infCount: Int
  /// The smallest finite element; `nil` without one.
  package var min: Double?
  /// The largest finite element; `nil` without one.
  package var max: Double?
  /// What only the elements themselves tell; `nil` where there is just a digest.
  package var details: Details?

  /// What a digest does not tell.
  package struct Details: Sendable, Hashable {
    /// The number of elements that are -inf.
    package var negativeInfCount: Int
    /// The number of zeros of either sign.
    package var zeroCount: Int
    /// The number of elements between zero and the dtype's smallest normal number.
    package var subnormalCount: Int
    /// The number of finite elements near the dtype's largest number or equal to it.
    package var largeCount: Int
    /// The number of elements equal to the dtype's largest number or its negative.
    package var largestCount: Int
    /// The number of finite elements so low that only masks have them.
    var maskedCount: Int
    /// The first NaN or infinite element in row-major order.
    package var firstNonFinite: Int?
    /// The first finite element near the dtype's largest number.
    package var firstLarge: Int?
  }

  /// The value from which downwards an element hides what it is added to: -10,000 was BERT's, and is
  /// -9,984 in bfloat16.
  static let maskValue = -9984.0

  /// The number of NaN and infinite elements.
  package var nonFiniteCount: Int { nanCount + infCount }

  /// The largest magnitude of a finite element; `nil` without one.
  package var magnitude: Double? {
    guard let min, let max else { return nil }
    return Swift.max(-min, max)
  }
}

extension TensorCensus {
  /// Counts the elements of a tensor.
  ///
  /// - Complexity: O(`elementCount`) time, constant memory.
  package init(of tensor: Tensor) {
    self.init(of: tensor, using: .best)
  }

  init(of tensor: Tensor, using instructions: InstructionSet) {
    var state = assay_census()
    assay_census_begin(&state)
    let known = tensor.dtype.floatLimits
    var limits = assay_census_limits(
      smallest_normal: known?.smallestNormal ?? 0, large: known?.large ?? .infinity,
      largest: known?.largest ?? .infinity, mask: TensorCensus.maskValue)
    let isSmallFloat =
      tensor.dtype.isFloatingPoint && tensor.dtype.byteCount <= 4 || tensor.dtype == .complex64
    if isSmallFloat {
      tensor.walkConverted(Float.self, { tensor.convert($0, into: $1) }) {
        assay_census_f32(instructions.rawValue, &limits, $0.baseAddress, $0.count, &state)
      }
    } else {
      tensor.walkConverted(Double.self, { tensor.convert($0, into: $1) }) {
        assay_census_f64(instructions.rawValue, &limits, $0.baseAddress, $0.count, &state)
      }
    }
    self.init(state)
  }

  private init(_ state: assay_census) {
    func position(_ index: Int64) -> Int? { index < 0 ? nil : Int(index) }
    let isAnyFinite = state.nan + state.inf < state.count
    self.init(
      elementCount: Int(state.count), nanCount: Int(state.nan), infCount: Int(state.inf),
      // Adding zero turns -0 into 0: which of the two comes out must not depend on the order.
      min: isAnyFinite ? state.min + 0 : nil, max: isAnyFinite ? state.max + 0 : nil,
      details: Details(
        negativeInfCount: Int(state.negative_inf), zeroCount: Int(state.zero),
        subnormalCount: Int(state.subnormal), largeCount: Int(state.large),
        largestCount: Int(state.largest), maskedCount: Int(state.masked),
        firstNonFinite: position(state.first_non_finite), firstLarge: position(state.first_large)))
  }

  /// What a digest tells of its tensor.
  init(of digest: TensorDigest) {
    let statistics = digest.statistics
    self.init(
      elementCount: statistics.elementCount, nanCount: statistics.nanCount,
      infCount: statistics.infCount, min: statistics.min, max: statistics.max)
  }
}

extension Tensor {
  /// Hands out the elements' real parts in order, converted, in pieces that a cache holds.
  func walkConverted<Value>(
    _ type: Value.Type, _ convert: (Range<Int>, UnsafeMutableBufferPointer<Value>) -> Void,
    _ body: (UnsafeBufferPointer<Value>) -> Void
  ) {
    let parts = dtype.componentCount
    let length = 4096 / parts
    withUnsafeTemporaryAllocation(of: Value.self, capacity: length * parts) { values in
      for start in stride(from: 0, to: elementCount, by: length) {
        let range = start..<min(start + length, elementCount)
        convert(range, values)
        body(UnsafeBufferPointer(rebasing: values[..<(range.count * parts)]))
      }
    }
  }
}
