import AssayRuns
import Testing

@testable import AssayComparison
@testable import AssayTensors

/// Every verdict and figure against numpy, torch and exact integers.
@Suite struct FigureTests {
  @Test(arguments: DType.allCases)
  func verdictsAgreeElementByElement(_ dtype: DType) throws {
    var count = 0
    for test in try Figures.all.get().cases where test.dtype == dtype {
      let (actual, expected) = try test.pair()
      for verdict in test.verdicts {
        let difference = try TensorComparison.difference(
          actual: actual, expected: expected, rule: verdict.rule())
        #expect(difference.mismatchedCount == verdict.mismatched.count, "\(test.name) \(verdict)")
        #expect(
          difference.firstMismatchIndex == verdict.mismatched.first, "\(test.name) \(verdict)")
        #expect(difference.isMatch == verdict.mismatched.isEmpty)
        // Each element by itself, so that no count hides two errors.
        for i in 0..<actual.elementCount {
          let one = try TensorComparison.difference(
            actual: element(i, of: actual), expected: element(i, of: expected),
            rule: verdict.rule())
          let values = i * dtype.packedCount..<(i + 1) * dtype.packedCount
          #expect(
            one.isMatch == !verdict.mismatched.contains(where: values.contains),
            "\(test.name) element \(i) \(verdict)")
        }
        count += 1
      }
    }
    #expect(count >= 3)
  }

  @Test func verdictsAgreeWithAssertClose() throws {
    let asserted = try Figures.all.get().assertClose
    #expect(asserted.contains { $0.isClose } && asserted.contains { !$0.isClose })
    for pair in asserted {
      let difference = try TensorComparison.difference(
        actual: Tensor(hexadecimal: pair.actual, dtype: pair.dtype, shape: .vector(1)),
        expected: Tensor(hexadecimal: pair.expected, dtype: pair.dtype, shape: .vector(1)),
        rule: Tolerance.torch.rule(for: pair.dtype))
      #expect(difference.isMatch == pair.isClose, "\(pair)")
    }
  }

  @Test(arguments: DType.allCases) func figuresAgree(_ dtype: DType) throws {
    for test in try Figures.all.get().cases where test.dtype == dtype {
      let (actual, expected) = try test.pair()
      let found = try TensorComparison.difference(
        actual: actual, expected: expected, rule: .exact)
      let figures = test.figures
      let name = "\(dtype) \(test.name)"
      #expect(found.elementCount == actual.elementCount * dtype.packedCount)
      #expect(found.finitePairCount == figures.finite, "\(name)")
      #expect(
        [found.actualStatistics.nanCount, found.expectedStatistics.nanCount] == figures.nan,
        "\(name)")
      #expect(found.maxAbs?.index == figures.maxAbs?.index, "\(name) max abs")
      #expect(found.maxRel?.index == figures.maxRel?.index, "\(name) max rel")
      #expect(found.maxULP?.index == figures.maxUlp?.index, "\(name) max ULP")
      #expect(found.maxULP.map { String($0.distance) } == figures.maxUlp?.number.text, "\(name)")
      #expect(found.worstRow?.row == figures.worstRow?.index, "\(name) worst row")
      expectClose(found.maxAbs?.value, figures.maxAbs?.number, 1e-15, "\(name) max abs")
      expectClose(found.maxRel?.value, figures.maxRel?.number, 1e-15, "\(name) max rel")
      expectClose(found.worstRow?.value, figures.worstRow?.number, 1e-12, "\(name) worst row")
      expectClose(found.meanAbs, figures.meanAbs, 1e-12, "\(name) mean abs")
      expectClose(found.rmse, figures.rmse, 1e-12, "\(name) RMSE")
      expectClose(found.relativeL2, figures.relL2, 1e-12, "\(name) rel L2")
      expectClose(found.relativeLinf, figures.relLinf, 1e-12, "\(name) rel Linf")
      expectClose(found.snrDecibels, figures.snr, 1e-10, "\(name) SNR")
      expectClose(found.cosine, figures.cosine, 1e-7, "\(name) cosine")
      expectClose(found.sglRel, figures.sglRel, 1e-6, "\(name) sgl rel")
      let sides = zip([found.actualStatistics, found.expectedStatistics], figures.sides ?? [])
      for (side, numbers) in sides {
        expectClose(side.min, numbers[0], 1e-15, "\(name) min")
        expectClose(side.max, numbers[1], 1e-15, "\(name) max")
        expectClose(side.mean, numbers[2], 1e-10, "\(name) mean")
        expectClose(side.standardDeviation, numbers[3], 1e-10, "\(name) std")
        expectClose(side.l2, numbers[4], 1e-12, "\(name) L2")
      }
      #expect(TensorStatistics(of: actual) == found.actualStatistics, "\(name)")
      let quantiles = try TensorComparison.quantiles(actual: actual, expected: expected)
      #expect(quantiles == (figures.quantiles ?? []).map(\.value), "\(name) quantiles")
      // As those of a tensor that is too large to sort.
      let selection = QuantileSelection(
        actual: actual, expected: expected, fractions: [0.5, 0.9, 0.99, 0.999], sortLimit: -1)
      #expect(dtype.withArithmetic(selection) == quantiles, "\(name) quantiles, selected")
      #expect(actual.contentHash == test.sha256, "\(name)")
    }
  }

  @Test(arguments: DType.allCases)
  func theSmallestBoundsPassAndNoSmallerOnesDo(_ dtype: DType) throws {
    for test in try Figures.all.get().cases where test.dtype == dtype {
      let (actual, expected) = try test.pair()
      func isMatch(_ rtol: Double, _ atol: Double) throws -> Bool {
        try TensorComparison.difference(
          actual: actual, expected: expected, rule: ElementRule(rtol: rtol, atol: atol)
        ).isMatch
      }
      func below(_ bound: Double) -> Double {
        dtype.isFloatingPoint && dtype != .float64
          ? Double(Float(bound).nextDown) : bound.nextDown
      }
      for verdict in test.verdicts where !verdict.equalNan {
        let found = try TensorComparison.difference(
          actual: actual, expected: expected, rule: verdict.rule())
        if found.minimumRtol.isFinite {
          #expect(try isMatch(found.minimumRtol, verdict.atol), "\(dtype) \(test.name)")
          if found.minimumRtol > 0 {
            #expect(try !isMatch(below(found.minimumRtol), verdict.atol), "\(dtype) \(test.name)")
          }
        } else {
          #expect(try !isMatch(.greatestFiniteMagnitude, verdict.atol), "\(dtype) \(test.name)")
        }
        if found.minimumAtol.isFinite {
          #expect(try isMatch(verdict.rtol, found.minimumAtol), "\(dtype) \(test.name)")
          if found.minimumAtol > 0 {
            #expect(try !isMatch(verdict.rtol, below(found.minimumAtol)), "\(dtype) \(test.name)")
          }
        } else {
          #expect(try !isMatch(verdict.rtol, .greatestFiniteMagnitude), "\(dtype) \(test.name)")
        }
      }
    }
  }

  private func element(_ index: Int, of tensor: Tensor) throws -> Tensor {
    try Tensor(
      storage: tensor.storage, dtype: tensor.dtype, shape: .scalar,
      byteOffset: tensor.byteOffset + index * tensor.dtype.byteCount)
  }

  private func expectClose(
    _ found: Double?, _ number: Figures.Number?, _ tolerance: Double, _ comment: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    guard let found, let number else {
      #expect(found == nil && number == nil, "\(comment)", sourceLocation: sourceLocation)
      return
    }
    let value = number.value
    #expect(
      found == value || abs(found - value) <= tolerance * max(abs(value), 1e-3 * tolerance),
      "\(comment): \(found), not \(value)", sourceLocation: sourceLocation)
  }
}
