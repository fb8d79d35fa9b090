import AssayBase

/// What stands for a tensor that is too big to keep.
///
/// Equal hashes tell that two tensors have the same bytes. Where they differ, the random projection
/// tells by how much, with an error that the Johnson-Lindenstrauss lemma bounds (D. Achlioptas,
/// Database-friendly random projections, 2003): for x of any length and R of
/// ``projectionCount`` = k rows of random signs, `|Rx|^2 / k` is the square of the norm of x times a
/// factor within `1 - e ... 1 + e`, but for a probability of `2 exp(-k (e^2 / 4 - e^3 / 6))`. As R is
/// linear, the difference of two projections is the projection of the difference.
package struct TensorDigest: Hashable, Sendable {
  /// The number of random directions that a tensor is projected onto.
  package static let projectionCount = 128
  /// The number of elements in a sample.
  package static let sampleCount = 256
  /// The seed of digests that are made without another one to be compared with.
  package static let defaultSeed = 0

  /// The seed of the directions and of the sample's positions.
  package var seed: Int
  /// Figures over the elements.
  package var statistics: TensorStatistics
  /// ``Tensor/contentHash``.
  package var sha256: String
  /// The sums of the finite elements, each with a random sign, for every direction; `nil` for
  /// integers and booleans, and where float32 cannot hold a sum.
  ///
  /// The sign of component i in direction 64 w + b is bit b of output 2 i + w of the generator
  /// splitmix64, 1 being minus. Components are elements in row-major order, those that are not finite
  /// counting as 0; a complex or packed element has two. Sums are made in float64, one component after
  /// another, and rounded to float32 at the end.
  package var projection: [Float]?
  /// The elements at ``samplePositions(elementCount:seed:)``, in the tensor's dtype; `nil` without a
  /// sample.
  package var sample: [UInt8]?

  package init(
    seed: Int, statistics: TensorStatistics, sha256: String, projection: [Float]?,
    sample: [UInt8]?
  ) {
    self.seed = seed
    self.statistics = statistics
    self.sha256 = sha256
    self.projection = projection
    self.sample = sample
  }

  /// Digests a tensor.
  ///
  /// - Parameters:
  ///   - tensor: The tensor, of any strides.
  ///   - seed: The seed, from 0; only digests of one seed can be compared by more than their hash.
  ///   - withSample: Whether to keep some elements, where the tensor has more than
  ///     ``sampleCount``.
  /// - Complexity: O(`elementCount` · ``projectionCount``) time, constant memory.
  package init(of tensor: Tensor, seed: Int = defaultSeed, withSample: Bool = false) {
    precondition(seed >= 0)
    var pass = DigestPass(tensor, seed: seed)
    pass.run()
    self.init(
      seed: seed, statistics: pass.statistics.statistics,
      sha256: pass.hash.finalize().hexadecimal, projection: pass.projection,
      sample: withSample && tensor.elementCount > TensorDigest.sampleCount
        ? TensorDigest.sample(of: tensor, seed: seed) : nil)
  }

  /// Whether a dtype's digests have a projection: others differ wholly or not at all.
  package static func isProjected(_ dtype: DType) -> Bool {
    dtype.isFloatingPoint || dtype.isComplex
  }
}

extension TensorDigest {
  /// Which elements a sample holds: one of each of ``sampleCount`` runs of about equal length.
  ///
  /// Of n elements, run i of m is from `i n / m` up to `(i + 1) n / m`, rounded down; its element is
  /// output i of splitmix64, seeded with `seed + 2^63`, modulo the run's length.
  ///
  /// - Parameters:
  ///   - elementCount: The number of elements of the tensor.
  ///   - seed: The digest's seed.
  /// - Returns: Positions in row-major order, ascending; all of them in a tensor that has no more.
  package static func samplePositions(elementCount: Int, seed: Int) -> [Int] {
    guard elementCount > sampleCount else { return Array(0..<elementCount) }
    let seed = UInt64(seed) + 1 << 63
    func start(_ run: Int) -> Int {
      let (high, low) = elementCount.multipliedFullWidth(by: run)
      return sampleCount.dividingFullWidth((high, low)).quotient
    }
    return (0..<sampleCount).map { run in
      let length = UInt64(start(run + 1) - start(run))
      return start(run) + Int(SplitMix64.output(run, seed: seed) % length)
    }
  }

  /// The bytes of the elements of a tensor that a sample of it holds.
  package static func sample(of tensor: Tensor, seed: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    for position in samplePositions(elementCount: tensor.elementCount, seed: seed) {
      tensor.withContiguousBytes(ofElements: position..<position + 1) { bytes += $0 }
    }
    return bytes
  }
}

/// One pass over a tensor.
private struct DigestPass {
  let tensor: Tensor
  let seed: Int
  let hash = SHA256()
  var statistics = StatisticsAccumulator()
  private var sums: [Double]

  init(_ tensor: Tensor, seed: Int) {
    self.tensor = tensor
    self.seed = seed
    sums = [Double](
      repeating: 0,
      count: TensorDigest.isProjected(tensor.dtype) ? TensorDigest.projectionCount : 0)
  }

  mutating func run() {
    let length = 1 << 13
    let components = tensor.dtype.componentCount
    withUnsafeTemporaryAllocation(of: Double.self, capacity: length * components) { values in
      for start in stride(from: 0, to: tensor.elementCount, by: length) {
        let range = start..<min(start + length, tensor.elementCount)
        let part = UnsafeMutableBufferPointer(rebasing: values[..<(range.count * components)])
        tensor.withContiguousBytes(ofElements: range) { hash.update($0) }
        tensor.convert(range, into: part)
        if tensor.dtype.isComplex { measureComplex(part) } else { measure(part) }
        guard !sums.isEmpty else { continue }
        SignProjection.add(
          UnsafeBufferPointer(part), at: start * components, seed: UInt64(seed), to: &sums)
      }
    }
  }

  /// Measures elements, and makes 0 of those that are not finite.
  private mutating func measure(_ values: UnsafeMutableBufferPointer<Double>) {
    for i in values.indices {
      let value = values[i]
      let isFinite = value.isFinite
      statistics.add(value, isNaN: value.isNaN, isFinite: isFinite)
      if !isFinite { values[i] = 0 }
    }
  }

  private mutating func measureComplex(_ values: UnsafeMutableBufferPointer<Double>) {
    for i in stride(from: 0, to: values.count, by: 2) {
      let (x, y) = (values[i], values[i + 1])
      let isFinite = x.isFinite && y.isFinite
      statistics.add(
        ComplexModulus.of(x, y), isNaN: x.isNaN || y.isNaN, isFinite: isFinite)
      if !isFinite { (values[i], values[i + 1]) = (0, 0) }
    }
  }

  var projection: [Float]? {
    guard !sums.isEmpty else { return nil }
    let rounded = sums.map { Float($0) }
    return rounded.allSatisfy(\.isFinite) ? rounded : nil
  }
}

/// The modulus of a complex number, without overflow between and without a library whose last bit
/// may vary.
package enum ComplexModulus {
  /// The modulus of x + iy.
  package static func of(_ x: Double, _ y: Double) -> Double {
    let (x, y) = (x.magnitude, y.magnitude)
    let (large, small) = x > y ? (x, y) : (y, x)
    if large == 0 || small == 0 { return large }
    let ratio = small / large
    let square = ratio * ratio
    return large * (1 + square).squareRoot()
  }
}
