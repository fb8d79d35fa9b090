import AssayBase
import Foundation
import Testing

@testable import AssayComparison
@testable import AssayTensors

/// What torch counted in tensors; see `Fixtures/health/make_health.py`.
struct CountedByTorch: Decodable {
  var shape: [Int]
  var dtype: String
  var elements: Int
  var nan: Int
  var inf: Int
  var negativeInf: Int
  var zero: Int
  var subnormal: Int
  var large: Int
  var largest: Int
  var min: Double?
  var max: Double?
  var firstNonFinite: Int?
  var bits: String?
  // Of what is found in a run.
  var kind: String?
  var module: String?
  var slot: String?
  var cause: String?
  var steps: Int?

  static func read(_ name: String) throws -> [CountedByTorch] {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode([CountedByTorch].self, from: Data(contentsOf: file(name)))
  }

  static func file(_ name: String) -> URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/health/\(name)")
  }

  func expect(_ census: TensorCensus) throws {
    let details = try #require(census.details)
    #expect(census.elementCount == elements)
    #expect(census.nanCount == nan)
    #expect(census.infCount == inf)
    #expect(census.min == min)
    #expect(census.max == max)
    #expect(details.negativeInfCount == negativeInf)
    #expect(details.zeroCount == zero)
    #expect(details.subnormalCount == subnormal)
    #expect(details.largeCount == large)
    #expect(details.largestCount == largest)
    #expect(details.firstNonFinite == firstNonFinite)
  }
}

@Suite struct TensorCensusTests {
  @Test(arguments: InstructionSet.available)
  func countsAreThoseOfTorch(_ instructions: InstructionSet) throws {
    let cases = try CountedByTorch.read("census.json")
    try #require(cases.count == 30)
    for counted in cases {
      let dtype = try #require(DType(torchName: counted.dtype))
      let tensor = try Tensor(
        hexadecimal: try #require(counted.bits), dtype: dtype, shape: Shape(counted.shape))
      try counted.expect(TensorCensus(of: tensor, using: instructions))
    }
  }

  /// Pieces of 4,096 elements, and views that have to be gathered.
  @Test(arguments: InstructionSet.available)
  func piecesAndStridesChangeNothing(_ instructions: InstructionSet) throws {
    var values = (0..<10_000).map { Float($0 % 7) - 3 }
    values[8191] = -.infinity
    values[9000] = .nan
    values[5000] = 3e38
    let whole = try Tensor(values, dtype: .float32, shape: Shape([100, 100]))
    let census = TensorCensus(of: whole, using: instructions)
    #expect(census.details?.firstNonFinite == 8191 && census.details?.firstLarge == 5000)
    #expect(census.nonFiniteCount == 2 && census.details?.negativeInfCount == 1)
    #expect(census.min == -3 && census.max == Double(Float(3e38)))
    #expect(census.details?.zeroCount == values.count { $0 == 0 })
    let turned = try Tensor(
      storage: whole.storage, dtype: .float32, shape: Shape([100, 100]), strides: [1, 100])
    let other = TensorCensus(of: turned, using: instructions)
    #expect(other.details?.firstNonFinite == 90 && other.details?.firstLarge == 50)
    #expect(other.details?.zeroCount == census.details?.zeroCount && other.max == census.max)
  }

  /// Each kind of value at each place of a vector and of the elements left over, among others of
  /// one sign only.
  @Test(arguments: InstructionSet.available)
  func eachKindOfValueCountsAtEveryPlace(_ instructions: InstructionSet) throws {
    try expectKinds(of: Float.self, .float32, large: 0x1p64, instructions)
    try expectKinds(of: Double.self, .float64, large: 0x1p512, instructions)
  }

  private func expectKinds<Value: BinaryFloatingPoint & BitwiseCopyable>(
    of type: Value.Type, _ dtype: DType, large: Value, _ instructions: InstructionSet
  ) throws {
    let kinds: [Value] = [
      .nan, .infinity, -.infinity, 0, -0.0, .leastNonzeroMagnitude, .leastNormalMagnitude,
      -.leastNormalMagnitude.nextDown, .greatestFiniteMagnitude, -.greatestFiniteMagnitude,
      large, -large, large.nextDown, -9984, Value(-9984).nextUp, Value(-9984).nextDown,
    ]
    for count in [1, 7, 8, 9, 15, 16, 17, 33] {
      for kind in kinds {
        for place in 0..<2 * count {
          var values = [Value](repeating: place < count ? 2 : -2, count: count)
          values[place % count] = kind
          let census = TensorCensus(of: try Tensor(values, dtype: dtype), using: instructions)
          let details = try #require(census.details)
          let finite = values.filter(\.isFinite)
          let counted = [
            census.elementCount, census.nanCount, census.infCount, details.negativeInfCount,
            details.zeroCount, details.subnormalCount, details.largeCount, details.largestCount,
            details.maskedCount, details.firstNonFinite, details.firstLarge,
          ]
          let expected = [
            count, values.count { $0.isNaN }, values.count { $0.isInfinite },
            values.count { $0 == -.infinity }, values.count { $0.isZero },
            values.count { $0.isSubnormal }, finite.count { $0.magnitude >= large },
            finite.count { $0.magnitude == .greatestFiniteMagnitude },
            finite.count { $0 <= -9984 }, values.firstIndex { !$0.isFinite },
            values.firstIndex { $0.isFinite && $0.magnitude >= large },
          ]
          #expect(counted == expected, "\(kind) at \(place) of \(count)")
          #expect(census.min == finite.min().map { Double($0) })
          #expect(census.max == finite.max().map { Double($0) })
        }
      }
    }
  }

  /// The first of many, which is in the first piece, at its start or after the other kind.
  @Test(arguments: InstructionSet.available, [(0, 1), (1, 0), (7, 4095), (4097, 4096)])
  func theFirstOfManyIsTold(_ instructions: InstructionSet, _ places: (Int, Int)) throws {
    var values = [Float](repeating: 1, count: 9000)
    values.replaceSubrange(8500..<8504, with: [.nan, 0x1p65, .infinity, 0x1p64])
    (values[places.0], values[places.1]) = (-.infinity, -0x1p64)
    let census = TensorCensus(of: try Tensor(values, dtype: .float32), using: instructions)
    #expect(census.details?.firstNonFinite == places.0)
    #expect(census.details?.firstLarge == places.1)
    #expect(census.nonFiniteCount == 3 && census.details?.largeCount == 3)
  }

  @Test func complexElementsCountByTheirParts() throws {
    let tensor = try Tensor(
      [SIMD2<Float>(0, .nan), SIMD2(1, -.infinity), SIMD2(0x1p-133, 2)], dtype: .complex64)
    let census = TensorCensus(of: tensor)
    #expect(census.elementCount == 6 && census.nanCount == 1 && census.infCount == 1)
    #expect(census.details?.subnormalCount == 1 && census.details?.firstNonFinite == 1)
  }

  @Test func integersAndNoElementsHaveNoLimits() throws {
    let ids = TensorCensus(of: try Tensor([Int64.max, 0, -5], dtype: .int64))
    #expect(ids.nonFiniteCount == 0 && ids.min == -5 && ids.details?.largeCount == 0)
    let none = TensorCensus(of: try Tensor([Float](), dtype: .float32))
    #expect(none.elementCount == 0 && none.min == nil && none.magnitude == nil)
  }
}
