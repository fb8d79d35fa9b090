import AssayRuns
import Testing

@testable import AssayComparison
@testable import AssayTensors

@Suite struct TensorComparisonTests {
  @Test(arguments: [-1, -.leastNonzeroMagnitude, .nan, .infinity] as [Double])
  func boundsThatAreNoTolerancesAreRefused(_ bound: Double) {
    #expect(throws: ComparisonError.invalidTolerance(name: "rtol", value: String(bound))) {
      try Tolerance(rtol: bound, atol: 0)
    }
    #expect(throws: ComparisonError.invalidTolerance(name: "atol", value: String(bound))) {
      try ElementRule(rtol: 0, atol: bound)
    }
  }

  @Test func torchToleranceDependsOnTheDtype() {
    var tolerance = Tolerance.torch
    tolerance.equalNaN = true
    #expect(tolerance.rule(for: .bfloat16).rtol == 1.6e-2)
    #expect(tolerance.rule(for: .complex64).rtol == 1.3e-6)
    #expect(tolerance.rule(for: .complex128).atol == 1e-7)
    #expect(tolerance.rule(for: .float8_e5m2).rtol == 0)
    #expect(tolerance.rule(for: .int64).equalNaN)
  }

  @Test func tensorsOfDifferentKindsAreNotCompared() throws {
    let a = try Tensor([Float](repeating: 0, count: 6), dtype: .float32, shape: Shape([2, 3]))
    let b = try Tensor([Float](repeating: 0, count: 6), dtype: .float32, shape: Shape([3, 2]))
    let c = try Tensor([Int32](repeating: 0, count: 6), dtype: .int32, shape: Shape([2, 3]))
    #expect(throws: ComparisonError.shapesDiffer(actual: a.shape, expected: b.shape)) {
      try TensorComparison.difference(actual: a, expected: b, rule: .exact)
    }
    #expect(throws: ComparisonError.dtypesDiffer(actual: .int32, expected: .float32)) {
      try TensorComparison.difference(actual: c, expected: a, rule: .exact)
    }
    #expect(throws: ComparisonError.invalidQuantile("1.5")) {
      try TensorComparison.quantiles(actual: a, expected: a, [0.5, 1.5])
    }
  }

  /// An expected infinity would make the bound infinite, and an infinite difference meet it.
  @Test(arguments: [DType.float32, .float64])
  func noToleranceSpansInfinity(_ dtype: DType) throws {
    func tensor(_ value: Double) throws -> Tensor {
      dtype == .float64
        ? try Tensor([value], dtype: dtype) : try Tensor([Float(value)], dtype: dtype)
    }
    let largest = dtype == .float64 ? Double.greatestFiniteMagnitude : 0x1.FFFFFEp127
    let pairs = [
      (1, Double.infinity), (.infinity, 1), (-.infinity, .infinity), (largest, -largest),
    ]
    for (a, e) in pairs {
      let difference = try TensorComparison.difference(
        actual: tensor(a), expected: tensor(e), rule: ElementRule(rtol: 1e300, atol: 1e300))
      #expect(!difference.isMatch, "\(a) \(e)")
      #expect(difference.minimumRtol == .infinity && difference.minimumAtol == .infinity)
    }
    let equal = try TensorComparison.difference(
      actual: tensor(-.infinity), expected: tensor(-.infinity), rule: .exact)
    #expect(equal.isMatch && equal.maxAbs == nil && equal.nonFiniteDifferenceCount == 0)
  }

  @Test func float16DifferencesBeyondItsRangeStayFinite() throws {
    let a = try Tensor([UInt16(0x7BFF)], dtype: .float16)
    let e = try Tensor([UInt16(0xFBFF)], dtype: .float16)
    let difference = try TensorComparison.difference(actual: a, expected: e, rule: .exact)
    #expect(difference.maxAbs?.value == 131008)
  }

  @Test func wideIntegersDifferByOne() throws {
    let a = try Tensor([UInt64.max, 1 << 63 + 1], dtype: .uint64)
    let e = try Tensor([UInt64.max - 1, 1 << 63 + 1], dtype: .uint64)
    let difference = try TensorComparison.difference(
      actual: a, expected: e, rule: ElementRule(rtol: 0, atol: 0.5))
    #expect(difference.mismatchedCount == 1)
    #expect(difference.maxULP == .init(distance: 1, index: 0))
    #expect(difference.minimumAtol == 1)
  }

  @Test func positionsThatAreNotFiniteOnOneSideAreCounted() throws {
    let a = try Tensor([Float](arrayLiteral: .nan, 1, .infinity, .nan, 2), dtype: .float32)
    let e = try Tensor([Float](arrayLiteral: .nan, .nan, -.infinity, 3, 2), dtype: .float32)
    let difference = try TensorComparison.difference(
      actual: a, expected: e, rule: ElementRule(rtol: 0, atol: 0, equalNaN: true))
    #expect(difference.nonFiniteDifferenceCount == 3)
    #expect(difference.firstNonFiniteDifferenceIndex == 1)
    #expect(difference.mismatchedCount == 3)
    #expect(difference.actualStatistics.nanCount == 2 && difference.actualStatistics.infCount == 1)
  }

  /// One row far off among rows that are right, with rows that do not fit blocks.
  @Test func theWorstRowIsFoundWhateverItsLength() throws {
    for length in [1, 7, 64, 3000] {
      let shape = try Shape([9, length])
      var values = [Float](repeating: 1000, count: shape.elementCount)
      for i in 5 * length..<6 * length { values[i] = 0.5 }
      let expected = try Tensor(values, dtype: .float32, shape: shape)
      for i in 5 * length..<6 * length { values[i] = 1.5 }
      let actual = try Tensor(values, dtype: .float32, shape: shape)
      let difference = try TensorComparison.difference(
        actual: actual, expected: expected, rule: .exact)
      #expect(difference.worstRow == .init(value: 2, row: 5))
      #expect(difference.relativeL2.map { $0 < 1e-3 } == true)
    }
  }

  @Test func extremeFloat64ValuesNeitherOverflowNorVanish() throws {
    for scale in [1e-200, 1, 1e200] {
      let e = try Tensor([3 * scale, 4 * scale], dtype: .float64)
      let a = try Tensor([3 * scale, 0], dtype: .float64)
      let difference = try TensorComparison.difference(actual: a, expected: e, rule: .exact)
      #expect(difference.relativeL2.map { abs($0 - 0.8) < 1e-15 } == true)
      #expect(difference.cosine.map { abs($0 - 0.6) < 1e-15 } == true)
      #expect(difference.expectedStatistics.l2 == 5 * scale)
    }
  }
}
