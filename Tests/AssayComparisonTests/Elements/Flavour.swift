import Foundation

@testable import AssayComparison
@testable import AssayTensors

/// Kinds of tensor pairs that comparisons meet.
enum Flavour: CaseIterable {
  case same, noisy, unrelated, tiny, huge, anyBits, sparseSpecials, zeros, constantRatio
  /// Equal but for few pairs: what changes in a block, one of them alone changes.
  case sparse

  /// Makes a pair of one of the dtypes that are not complex.
  func pair(
    _ dtype: DType, _ shape: Shape, _ generator: inout SeededGenerator
  ) throws -> (Tensor, Tensor) {
    var actual = [Float]()
    var expected = [Float]()
    for _ in 0..<shape.elementCount * dtype.packedCount {
      let (a, e) = element(dtype, &generator)
      actual.append(a)
      expected.append(e)
    }
    return (try encode(actual, dtype, shape), try encode(expected, dtype, shape))
  }

  /// Whether the kernels take every block in vectors: no NaN, no infinity, no overflow.
  var isOrdinary: Bool {
    switch self {
    case .same, .noisy, .unrelated, .zeros, .constantRatio, .sparse: true
    case .tiny, .huge, .anyBits, .sparseSpecials: false
    }
  }

  private func element(_ dtype: DType, _ generator: inout SeededGenerator) -> (Float, Float) {
    func uniform() -> Float { Float.random(in: -1...1, using: &generator) }
    let scale: Float = dtype == .float16 ? 6e4 : 3e38
    switch self {
    case .same:
      let x = uniform()
      return (x, x)
    case .noisy:
      let x = uniform()
      return (x * (1 + 0.01 * uniform()), x)
    case .unrelated: return (uniform(), 100 * uniform())
    case .tiny: return (uniform() * 1e-6 * (1 / scale), uniform() * (1 / scale))
    case .huge: return (uniform() * scale, uniform() * scale)
    case .anyBits:
      return (
        Float(bitPattern: UInt32.random(in: 0 ... .max, using: &generator)),
        Float(bitPattern: UInt32.random(in: 0 ... .max, using: &generator))
      )
    case .sparseSpecials:
      let specials: [Float] = [.nan, .infinity, -.infinity, 0, -0.0]
      let x = uniform()
      func pick(_ value: Float) -> Float {
        let choice = Int.random(in: 0..<4000, using: &generator)
        return choice < specials.count ? specials[choice] : value
      }
      return (pick(x), pick(x))
    case .zeros: return (0, UInt8.random(in: 0..<200, using: &generator) == 0 ? uniform() : -0.0)
    case .constantRatio:
      let x = uniform()
      return (0, x)
    case .sparse:
      let x = 0.1 * uniform()
      guard Int.random(in: 0..<1000, using: &generator) == 0 else { return (x, x) }
      func scaled(_ powers: ClosedRange<Float>) -> Float {
        exp2(Float.random(in: powers, using: &generator)) * (uniform() < 0 ? -1 : 1)
      }
      let large = scaled(-8...1)
      switch Int.random(in: 0..<3, using: &generator) {
      case 0: return (large, large)
      case 1: return (large * (1 + scaled(-12...0)), large)
      default: return (x + scaled(-12...0), x)
      }
    }
  }
}

/// A seeded generator (SplitMix64), so that a failure comes again.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}
