import AssayRuns
import Testing

@testable import AssayComparison
@testable import AssayTensors

/// A block after the first, of equal pairs but for one that changes a single figure: the kernels
/// must look at it again for that figure alone.
@Suite struct LaterBlockTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var dtypes: Set<DType> = all
    var rtol = 0.0
    var atol = 0.0
    /// The value of the pairs that are equal.
    var filler = 4.0
    /// Pairs of the first block, the expected value first.
    var before: [(Double, Double)]
    var pair: (Double, Double)
    var value: Double
    var figure: @Sendable (Difference) -> Double?
  }

  static let all: Set<DType> = [
    .float32, .float64, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64,
  ]

  static let cases = [
    Case(
      testDescription: "largest ratio of mismatches, less than that of a pair that matches",
      atol: 3, before: [(20, 60), (0, 1)], pair: (2, 7), value: 2.5
    ) { $0.maxRelMismatched?.value },
    Case(
      testDescription: "the same among zeros", atol: 3, filler: 0, before: [(20, 60), (0, 1)],
      pair: (2, 7), value: 2.5
    ) { $0.maxRelMismatched?.value },
    Case(
      testDescription: "the same below 1", dtypes: [.float32, .float64], atol: 0.1875,
      before: [(1.25, 3.75), (0, 0.0625)], pair: (0.125, 0.4375), value: 2.5
    ) { $0.maxRelMismatched?.value },
    Case(
      testDescription: "the same where a NaN lets no rtol pass", dtypes: [.float32, .float64],
      atol: 3, before: [(20, 60), (0, 1), (1, .nan)], pair: (2, 7), value: 2.5
    ) { $0.maxRelMismatched?.value },
    Case(
      testDescription: "largest ratio, which is infinite", filler: 0, before: [(1, 10)],
      pair: (0, 2), value: .infinity
    ) { $0.maxRel?.value },
    Case(
      testDescription: "no rtol that passes", filler: 0, before: [(1, 10)], pair: (0, 2),
      value: .infinity
    ) { $0.minimumRtol },
    // 4 - 0.1 * 3.
    Case(
      testDescription: "smallest atol", rtol: 0.1, atol: 5, before: [(100, 110), (0, 1)],
      pair: (3, 7), value: 3.7
    ) { $0.minimumAtol },
    // (20 - 3) / 10; of those before it, (60 - 3) / 60 and (6 - 3) / 2.
    Case(
      testDescription: "smallest rtol, of no largest ratio", atol: 3,
      before: [(60, 120), (2, 8), (0, 1)], pair: (10, 30), value: 1.7
    ) { $0.minimumRtol },
    // (4 - 3) / 0.5; of those before it, (3.25 - 3) / 0.25.
    Case(
      testDescription: "the same below 1", dtypes: [.float32, .float64], atol: 3,
      before: [(60, 120), (0.25, 3.5), (0, 1)], pair: (0.5, 4.5), value: 2
    ) { $0.minimumRtol },
    Case(
      testDescription: "largest difference, within the smallest bounds", rtol: 0.1, atol: 5,
      filler: 100, before: [(0, 1)], pair: (100, 104), value: 4
    ) { $0.maxAbs?.value },
    Case(
      testDescription: "no mismatch by rtol", rtol: 0.1, filler: 100, before: [(10, 100)],
      pair: (100, 109), value: 1
    ) { Double($0.mismatchedCount) },
    Case(
      testDescription: "no mismatch by an rtol for the largest int16", dtypes: [.int16, .int32],
      rtol: 4e-5, filler: 30_000, before: [(10, 1000)], pair: (30_000, 30_001), value: 1
    ) { Double($0.mismatchedCount) },
    Case(
      testDescription: "no mismatch by an rtol for the largest uint16",
      dtypes: [.uint16, .uint32, .float32, .float64], rtol: 2e-5, filler: 60_000,
      before: [(10, 1000)], pair: (60_000, 60_001), value: 1
    ) { Double($0.mismatchedCount) },
  ]

  @Test(arguments: cases, InstructionSet.available)
  func onePairChangesAFigureInEveryLane(_ test: Case, _ instructions: InstructionSet) throws {
    let rule = try ElementRule(rtol: test.rtol, atol: test.atol)
    for dtype in test.dtypes {
      for index in 4090..<4130 {
        var expected = [Double](repeating: test.filler, count: 4200)
        var actual = expected
        for (i, pair) in test.before.enumerated() { (expected[i], actual[i]) = pair }
        (expected[index], actual[index]) = test.pair
        let difference = try #require(
          TensorComparison.kernelDifference(
            tensor(actual, dtype), tensor(expected, dtype), rule, using: instructions))
        let found = try #require(test.figure(difference))
        // In float32's arithmetic.
        #expect(
          found == test.value || abs(found - test.value) < 1e-6, "\(dtype) at \(index): \(found)")
      }
    }
  }

  /// The sums of the narrow integers' extremes, which need all of their lanes' bits.
  @Test(
    arguments: [(.int8, 127, -128), (.int16, 32767, -32768), (.uint8, 255, 0), (.uint16, 65535, 0)]
      as [(DType, Double, Double)], InstructionSet.available)
  func sumsOfExtremesAreExact(
    _ sides: (dtype: DType, actual: Double, expected: Double), _ instructions: InstructionSet
  ) throws {
    let count = 4 * 2048
    let difference = try #require(
      TensorComparison.kernelDifference(
        tensor(Array(repeating: sides.actual, count: count), sides.dtype),
        tensor(Array(repeating: sides.expected, count: count), sides.dtype),
        ElementRule(rtol: 0, atol: 65535), using: instructions))
    let distance = sides.actual - sides.expected
    #expect(difference.mismatchedCount == 0 && difference.meanAbs == distance)
    let root = Double(count).squareRoot()
    for (found, value) in [
      (difference.rmse, distance), (difference.actualStatistics.l2, sides.actual * root),
      (difference.expectedStatistics.l2, -sides.expected * root),
    ] {
      #expect(try abs(#require(found) - value) <= 1e-12 * value)
    }
    #expect(difference.actualStatistics.mean == sides.actual)
    #expect(difference.expectedStatistics.mean == sides.expected)
    if sides.expected < 0 { #expect(try abs(#require(difference.cosine) + 1) < 1e-12) }
  }

  private func tensor(_ values: [Double], _ dtype: DType) throws -> Tensor {
    switch dtype {
    case .float32: try Tensor(values.map { Float($0) }, dtype: dtype)
    case .float64: try Tensor(values, dtype: dtype)
    case .int8: try Tensor(values.map { Int8($0) }, dtype: dtype)
    case .int16: try Tensor(values.map { Int16($0) }, dtype: dtype)
    case .int32: try Tensor(values.map { Int32($0) }, dtype: dtype)
    case .int64: try Tensor(values.map { Int64($0) }, dtype: dtype)
    case .uint8: try Tensor(values.map { UInt8($0) }, dtype: dtype)
    case .uint16: try Tensor(values.map { UInt16($0) }, dtype: dtype)
    case .uint32: try Tensor(values.map { UInt32($0) }, dtype: dtype)
    default: try Tensor(values.map { UInt64($0) }, dtype: dtype)
    }
  }
}
