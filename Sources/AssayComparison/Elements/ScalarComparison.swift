import AssayRuns
import AssayTensors

/// Compares element by element: the oracle of the kernels and the way of what they do not serve.
struct ScalarComparison<Arithmetic: PairArithmetic> {
  private let rule: ElementRule
  private let rtol: Double
  private let atol: Double
  private let rowLength: Int
  private var index = 0
  private var column = 0
  private var row = 0
  private var rowGaps = ScaledSquares()
  private var rowExpected = ScaledSquares()
  private var sums = PairSums()
  private var minimumRtol = 0.0
  private var minimumAtol = 0.0
  private var actual = StatisticsAccumulator()
  private var expected = StatisticsAccumulator()
  private var difference = Difference()

  init(rule: ElementRule, rowLength: Int) {
    self.rule = rule
    self.rowLength = rowLength
    let bounds = rule.bounds(inFloat32: Arithmetic.usesFloat32Bounds)
    rtol = bounds.rtol
    atol = bounds.atol
  }

  /// Feeds the next elements.
  mutating func add(_ actual: UnsafeRawPointer, _ expected: UnsafeRawPointer, count: Int) {
    for i in 0..<count {
      add(Arithmetic.load(actual, i), Arithmetic.load(expected, i))
    }
  }

  private mutating func add(_ a: Arithmetic.Element, _ e: Arithmetic.Element) {
    let (aIsFinite, eIsFinite) = (Arithmetic.isFinite(a), Arithmetic.isFinite(e))
    let (aIsNaN, eIsNaN) = (Arithmetic.isNaN(a), Arithmetic.isNaN(e))
    actual.add(Arithmetic.value(a), isNaN: aIsNaN, isFinite: aIsFinite)
    expected.add(Arithmetic.value(e), isNaN: eIsNaN, isFinite: eIsFinite)
    if aIsFinite && eIsFinite {
      addFinite(a, e)
    } else {
      let isEqual = Arithmetic.isEqual(a, e)
      if !(isEqual || aIsNaN && eIsNaN) {
        difference.nonFiniteDifferenceCount += 1
        if difference.firstNonFiniteDifferenceIndex == nil {
          difference.firstNonFiniteDifferenceIndex = index
        }
      }
      if !(isEqual || rule.equalNaN && aIsNaN && eIsNaN) {
        mismatch()
        minimumRtol = .infinity
        minimumAtol = .infinity
      }
    }
    index += 1
    column += 1
    if column == rowLength { endRow() }
  }

  private mutating func addFinite(_ a: Arithmetic.Element, _ e: Arithmetic.Element) {
    let gap = Arithmetic.gap(a, e)
    let d = Arithmetic.figure(gap, a, e)
    let (aValue, eValue) = (Arithmetic.value(a), Arithmetic.value(e))
    difference.finitePairCount += 1
    sums.abs += d
    sums.gaps.add(d)
    sums.actual.add(aValue)
    sums.expected.add(eValue)
    sums.product.add(
      { Arithmetic.product(a, e, scale: $0) }, isExtreme: Arithmetic.isWide)
    sums.largestExpected = max(sums.largestExpected, eValue.magnitude)
    rowGaps.add(d)
    rowExpected.add(eValue)

    let relative = d == 0 ? 0 : d / eValue.magnitude
    func raise(_ extreme: inout Difference.Extreme?, to value: Double) {
      if let old = extreme, !(value > old.value) { return }
      extreme = .init(value: value, index: index, actual: aValue, expected: eValue)
    }
    raise(&difference.maxAbs, to: d)
    raise(&difference.maxRel, to: relative)
    if let ulp = Arithmetic.ulp(a, e), difference.maxULP.map({ ulp > $0.distance }) ?? true {
      difference.maxULP = .init(distance: ulp, index: index)
    }
    if !Arithmetic.passes(gap, e, rtol: rtol, atol: atol) {
      mismatch()
      raise(&difference.maxAbsMismatched, to: d)
      raise(&difference.maxRelMismatched, to: relative)
    }
    if minimumRtol.isFinite, !Arithmetic.passes(gap, e, rtol: minimumRtol, atol: atol) {
      minimumRtol = smallestBound { Arithmetic.passes(gap, e, rtol: $0, atol: atol) }
    }
    if minimumAtol.isFinite, !Arithmetic.passes(gap, e, rtol: rtol, atol: minimumAtol) {
      minimumAtol = smallestBound { Arithmetic.passes(gap, e, rtol: rtol, atol: $0) }
    }
  }

  /// Searches the bit patterns of the bounds, which stand in the order of their values.
  private func smallestBound(_ passes: (Double) -> Bool) -> Double {
    func value(_ bits: UInt64) -> Double {
      Arithmetic.usesFloat32Bounds
        ? Double(Float(bitPattern: UInt32(bits))) : Double(bitPattern: bits)
    }
    var high =
      Arithmetic.usesFloat32Bounds
      ? UInt64(Float.greatestFiniteMagnitude.bitPattern) : Double.greatestFiniteMagnitude.bitPattern
    guard passes(value(high)) else { return .infinity }
    var low: UInt64 = 0
    while low < high {
      let middle = low + (high - low) / 2
      if passes(value(middle)) { high = middle } else { low = middle + 1 }
    }
    return value(high)
  }

  private mutating func mismatch() {
    difference.mismatchedCount += 1
    if difference.firstMismatchIndex == nil { difference.firstMismatchIndex = index }
  }

  private mutating func endRow() {
    let value = rowGaps / rowExpected
    if difference.worstRow.map({ value > $0.value }) ?? true {
      difference.worstRow = .init(value: value, row: row)
    }
    row += 1
    column = 0
    rowGaps = ScaledSquares()
    rowExpected = ScaledSquares()
  }

  /// The figures of what was fed.
  func finish() -> Difference {
    var result = difference
    result.elementCount = index
    result.minimumRtol = minimumRtol
    result.minimumAtol = minimumAtol
    result.actualStatistics = actual.statistics
    result.expectedStatistics = expected.statistics
    sums.complete(&result)
    return result
  }
}
