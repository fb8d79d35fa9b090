import AssayRuns
import AssayTensors
internal import CAssayKernels

extension TensorComparison {
  /// The difference by the C kernels.
  ///
  /// - Returns: `nil` for a dtype or magnitudes that they do not serve.
  static func kernelDifference(
    _ actual: Tensor, _ expected: Tensor, _ rule: ElementRule,
    using instructions: InstructionSet = .best
  ) -> Difference? {
    guard let state = kernelState(actual, expected, rule, using: instructions),
      state.unserved == 0
    else { return nil }
    var difference = Difference(state)
    if actual.dtype == .bool { difference.maxULP = nil }
    difference.actualStatistics.refineDeviation(of: actual)
    difference.expectedStatistics.refineDeviation(of: expected)
    return difference
  }

  /// How many blocks the kernels compared element by element, for NaN, infinities or differences
  /// that overflow.
  ///
  /// - Returns: `nil` where `kernelDifference` returns it.
  static func blocksByElement(
    _ actual: Tensor, _ expected: Tensor, _ rule: ElementRule,
    using instructions: InstructionSet = .best
  ) -> Int? {
    let state = kernelState(actual, expected, rule, using: instructions)
    return state.flatMap { $0.unserved == 0 ? Int($0.blocks_by_element) : nil }
  }

  private static func kernelState(
    _ actual: Tensor, _ expected: Tensor, _ rule: ElementRule, using instructions: InstructionSet
  ) -> assay_comparison? {
    guard let kind = actual.dtype.comparisonKind else { return nil }
    let bounds = rule.bounds(
      inFloat32: actual.dtype.isFloatingPoint && actual.dtype.byteCount <= 4)
    var state = assay_comparison()
    assay_comparison_begin(
      &state, Int32(kind), bounds.rtol, bounds.atol, rule.equalNaN ? 1 : 0,
      UInt64(actual.dtype.valueShape(of: actual.shape).rowLength))
    walk(actual, expected) { a, e, count in
      assay_comparison_update(&state, instructions.rawValue, a, e, count)
    }
    return state
  }
}

extension DType {
  /// What the kernels call this dtype; `nil` for the complex ones.
  fileprivate var comparisonKind: Int? {
    switch self {
    case .float64: ASSAY_F64
    case .float32: ASSAY_F32
    case .float16: ASSAY_F16
    case .bfloat16: ASSAY_BF16
    case .float8_e4m3fn: ASSAY_F8E4M3FN
    case .float8_e5m2: ASSAY_F8E5M2
    case .float8_e4m3fnuz: ASSAY_F8E4M3FNUZ
    case .float8_e5m2fnuz: ASSAY_F8E5M2FNUZ
    case .float8_e8m0fnu: ASSAY_F8E8M0FNU
    case .float4_e2m1fn_x2: ASSAY_F4E2M1FN
    case .int8: ASSAY_I8
    case .int16: ASSAY_I16
    case .int32: ASSAY_I32
    case .int64: ASSAY_I64
    case .uint8: ASSAY_U8
    case .uint16: ASSAY_U16
    case .uint32: ASSAY_U32
    case .uint64: ASSAY_U64
    case .bool: ASSAY_BOOL
    case .complex32, .complex64, .complex128: nil
    }
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
      maxULP = UnitsInLastPlace(distance: state.max_ulp, index: index)
    }
    if let row = position(state.worst_row) { worstRow = Row(value: state.worst, row: row) }
    nonFiniteDifferenceCount = Int(state.class_differences)
    firstNonFiniteDifferenceIndex = position(state.first_class_difference)
    minimumRtol = state.no_rtol != 0 ? .infinity : state.min_rtol
    minimumAtol = state.no_atol != 0 ? .infinity : state.min_atol
    actualStatistics = TensorStatistics(state.actual)
    expectedStatistics = TensorStatistics(state.expected)
    var sums = PairSums()
    sums.abs = state.abs
    sums.gaps = ScaledSquares(plain: state.dd)
    sums.actual = ScaledSquares(plain: state.aa)
    sums.expected = ScaledSquares(plain: state.ee)
    sums.product = ScaledProduct(plain: state.ae)
    sums.largestExpected = state.largest_expected
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
      value: extreme.value, index: Int(extreme.index), actual: extreme.actual,
      expected: extreme.expected)
  }
}

extension TensorStatistics {
  fileprivate init(_ side: assay_side) {
    self.init()
    elementCount = Int(side.finite + side.nan + side.inf)
    nanCount = Int(side.nan)
    infCount = Int(side.inf)
    guard side.finite > 0 else { return }
    min = side.min + 0
    max = side.max + 0
    let count = Double(side.finite)
    let isConstant = side.min == side.max
    mean = isConstant ? side.min : side.sum / count
    let variance = isConstant ? 0 : (side.squares - side.sum / count * side.sum) / count
    standardDeviation = Swift.max(variance, 0).squareRoot()
    l2 = side.squares.squareRoot()
  }
}
