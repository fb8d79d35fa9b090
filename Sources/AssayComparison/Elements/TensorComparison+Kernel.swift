import AssayRuns
import AssayTensors
internal import CAssayKernels

extension TensorComparison {
  /// The difference by the C kernels.
  ///
  /// - Returns: `nil` for a dtype that they do not serve.
  static func kernelDifference(
    _ actual: Tensor, _ expected: Tensor, _ rule: ElementRule,
    using instructions: InstructionSet = .best
  ) -> Difference? {
    let kind: Int
    switch actual.dtype {
    case .float32: kind = ASSAY_F32
    case .bfloat16: kind = ASSAY_BF16
    case .float16: kind = ASSAY_F16
    default: return nil
    }
    let bounds = rule.bounds(inFloat32: true)
    var state = assay_comparison()
    assay_comparison_begin(
      &state, Int32(kind), Float(bounds.rtol), Float(bounds.atol), rule.equalNaN ? 1 : 0,
      UInt64(actual.shape.rowLength))
    walk(actual, expected) { a, e, count in
      assay_comparison_update(&state, instructions.rawValue, a, e, count)
    }
    var difference = Difference(state)
    difference.actualStatistics.refineDeviation(of: actual)
    difference.expectedStatistics.refineDeviation(of: expected)
    return difference
  }
}

extension Difference {
  fileprivate init(_ state: assay_comparison) {
    self.init()
    elementCount = Int(state.index)
    mismatchedCount = Int(state.mismatched)
    firstMismatchIndex = position(state.first_mismatch)
    finitePairCount = Int(state.pairs)
    maxAbs = Extreme(state.max_abs)
    maxRel = Extreme(state.max_rel)
    maxAbsMismatched = Extreme(state.max_abs_mismatched)
    maxRelMismatched = Extreme(state.max_rel_mismatched)
    if let index = position(state.max_ulp_index) {
      maxULP = UnitsInLastPlace(distance: UInt64(state.max_ulp), index: index)
    }
    if let row = position(state.worst_row) { worstRow = Row(value: state.worst, row: row) }
    nonFiniteDifferenceCount = Int(state.class_differences)
    firstNonFiniteDifferenceIndex = position(state.first_class_difference)
    minimumRtol = state.no_rtol != 0 ? .infinity : Double(state.min_rtol)
    minimumAtol = state.no_atol != 0 ? .infinity : Double(state.min_atol)
    actualStatistics = TensorStatistics(state.actual)
    expectedStatistics = TensorStatistics(state.expected)
    var sums = PairSums()
    sums.abs = state.abs
    sums.gaps = ScaledSquares(plain: state.dd)
    sums.actual = ScaledSquares(plain: state.aa)
    sums.expected = ScaledSquares(plain: state.ee)
    sums.product = ScaledProduct(plain: state.ae)
    sums.largestExpected = Double(state.largest_expected)
    sums.complete(&self)
  }

  private func position(_ index: Int64) -> Int? {
    index < 0 ? nil : Int(index)
  }
}

extension Difference.Extreme {
  fileprivate init?(_ extreme: assay_extreme) {
    guard extreme.index >= 0 else { return nil }
    self.init(
      value: extreme.value, index: Int(extreme.index), actual: Double(extreme.actual),
      expected: Double(extreme.expected))
  }
}

extension TensorStatistics {
  fileprivate init(_ side: assay_side) {
    self.init()
    elementCount = Int(side.finite + side.nan + side.inf)
    nanCount = Int(side.nan)
    infCount = Int(side.inf)
    guard side.finite > 0 else { return }
    min = Double(side.min) + 0
    max = Double(side.max) + 0
    let count = Double(side.finite)
    let isConstant = side.min == side.max
    mean = isConstant ? Double(side.min) : side.sum / count
    let variance = isConstant ? 0 : (side.squares - side.sum / count * side.sum) / count
    standardDeviation = Swift.max(variance, 0).squareRoot()
    l2 = side.squares.squareRoot()
  }
}
