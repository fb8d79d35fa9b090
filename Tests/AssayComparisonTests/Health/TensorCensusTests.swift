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
