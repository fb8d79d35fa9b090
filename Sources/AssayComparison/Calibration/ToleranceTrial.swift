import AssayRuns
import AssayTensors

/// What one tensor shows of the rule that decides about it.
struct ToleranceTrial: Sendable {
  /// The rule that decides; `nil` for none.
  private(set) var rule: Int?
  /// All rules that match.
  private(set) var matching: [Int]
  private(set) var kinds: [(kind: ToleranceFinding.Kind, detail: String?)] = []

  init(
    _ tensor: Tensor, _ key: TensorKey, _ rules: ToleranceRules, _ criteria: TensorCriteria,
    _ options: ComparisonOptions
  ) throws {
    matching = rules.rules.indices.filter {
      rules.rules[$0].module.matches(key.module)
        && rules.rules[$0].matchesRest(of: key, dtype: tensor.dtype)
    }
    let criterion = criteria.criterion(for: key, dtype: tensor.dtype)
    rule = criterion.position
    guard !criterion.isUnmatched else {
      kinds = [(.unmatched, nil)]
      return
    }
    guard tensor.elementCount > 0 else { return }
    /// Why a changed copy fails; `nil` where it passes.
    func failure(of changed: Tensor) throws -> String? {
      var difference = try TensorComparison.difference(
        actual: changed, expected: tensor, rule: criterion.rule)
      if options.areLogits(key) {
        difference.logits = LogitsDifference(actual: changed, expected: tensor)
      }
      guard case .mismatch(let reason) = criterion.judgement(of: difference) else { return nil }
      return reason ?? "max_abs \(difference.maxAbs?.value.shortText ?? "") at expected "
        + "\(difference.maxAbs?.expected.shortText ?? "")"
    }
    if let reason = try failure(of: tensor) {
      kinds = [(.cannotPass, reason)]
      return
    }
    if let nudged = tensor.nudgedByOneULP(), let reason = try failure(of: nudged) {
      kinds.append((criterion.asksForEquality ? .asksForEquality : .tighterThanOneULP, reason))
    } else if criterion.isRelativeOnly, let moved = try tensor.movedNearZero(),
      let reason = try failure(of: moved)
    {
      kinds.append((.flakesNearZero, reason))
    }
    if tensor.dtype.isInteger, !criterion.isExact { kinds.append((.toleratesIntegers, nil)) }
    // Where nothing is finite there is nothing to change.
    let figures = TensorStatistics(of: tensor)
    guard figures.elementCount > figures.nanCount + figures.infCount else { return }
    if try failure(of: tensor.pushedToExtremes()) == nil {
      kinds.append((.cannotFail, nil))
    } else if !tensor.isAllZero, try failure(of: tensor.zeroed()) == nil {
      kinds.append((.passesZeros, nil))
    }
  }
}

extension TensorCriteria.Criterion {
  /// Whether elements are allowed nothing but a share of themselves.
  fileprivate var isRelativeOnly: Bool {
    bound == nil && rule.atol == 0 && rule.rtol > 0 && outliers == .none
  }

  /// Whether it was written to pass nothing but equal values.
  fileprivate var asksForEquality: Bool {
    switch bound {
    case nil: rule.rtol == 0 && rule.atol == 0 && outliers == .none
    case .atMost(_, let limit): limit == 0
    default: false
    }
  }
}

extension Tensor {
  fileprivate var isAllZero: Bool {
    withContiguousBytes { $0.allSatisfy { $0 == 0 } }
  }

  /// The same form with nothing but zeros for finite elements.
  fileprivate func zeroed() throws(TensorError) -> Tensor {
    try changed { bytes in
      bytes.initializeMemory(as: UInt8.self, repeating: 0)
      keepNonFinite(in: bytes)
    }
  }

  /// Puts NaN and infinite elements back, for which no tolerance is made.
  private func keepNonFinite(in bytes: UnsafeMutableRawBufferPointer) {
    guard dtype.isFloatingPoint else { return }
    let width = dtype.byteCount
    withContiguousBytes { original in
      forEachValue { index, value in
        guard !value.isFinite else { return }
        for byte in index * width..<(index + 1) * width { bytes[byte] = original[byte] }
      }
    }
  }

  /// Hands out every number of the elements as a float64.
  private func forEachValue(_ body: (Int, Double) -> Void) {
    let chunk = 1 << 16
    let components = dtype.componentCount
    for start in stride(from: 0, to: elementCount, by: chunk) {
      let range = start..<min(start + chunk, elementCount)
      let values = [Double](unsafeUninitializedCapacity: range.count * components) {
        buffer, count in
        count = range.count * components
        convert(range, into: buffer)
      }
      for (index, value) in values.enumerated() { body(start * components + index, value) }
    }
  }

  /// A copy whose element nearest to zero, but for zeros, is moved by one unit in the last place of
  /// the elements' root mean square: what rounding does to it where it is a sum of such elements.
  ///
  /// - Returns: `nil` for dtypes of less than 16 bits, for what are no real floats, and without such
  ///   an element.
  fileprivate func movedNearZero() throws -> Tensor? {
    guard dtype.isFloatingPoint, dtype.componentCount == 1, TensorCast.targets.contains(dtype)
    else { return nil }
    var least: (index: Int, value: Double)?
    var (squares, count) = (0.0, 0.0)
    forEachValue { index, value in
      guard value.isFinite else { return }
      count += 1
      squares += value * value
      if value != 0, value.magnitude < least?.value.magnitude ?? .infinity {
        least = (index, value)
      }
    }
    let mean = (squares / count).squareRoot()
    guard let least, mean.isNormal else { return nil }
    let step = (dtype.floatFormat?.epsilon ?? 0) * mean.binade
    let moved = try TensorCast.cast(
      Tensor([least.value + step], dtype: .float64, shape: Shape([1])), to: dtype
    ) { TransformMisfit(reason: $0) }
    let width = dtype.byteCount
    return try moved.withContiguousBytes { element in
      try changed { bytes in
        for byte in 0..<width { bytes[least.index * width + byte] = element[byte] }
      }
    }
  }

  /// A copy whose largest finite element is one unit in the last place nearer to zero; `nil` for
  /// dtypes whose values are no real floats, and for tensors without a finite element but zero.
  fileprivate func nudgedByOneULP() -> Tensor? {
    guard dtype.isFloatingPoint else { return nil }
    guard let largest = indexOfLargestFinite else { return nil }
    // The bits of a float of either sign count its magnitude, so one less is the next one down.
    let width = dtype.byteCount
    if dtype == .float4_e2m1fn_x2 {
      return try? changed { $0[largest / 2] -= largest.isMultiple(of: 2) ? 1 : 0x10 }
    }
    return try? changed { bytes in
      for byte in largest * width..<(largest + 1) * width {
        bytes[byte] &-= 1
        if bytes[byte] != 0xFF { break }
      }
    }
  }

  /// The first of the largest finite elements; `nil` where there is none but zero.
  private var indexOfLargestFinite: Int? {
    var largest: (index: Int, magnitude: Double)?
    forEachValue { index, value in
      guard value.isFinite, value.magnitude > largest?.magnitude ?? 0 else { return }
      largest = (index, value.magnitude)
    }
    return largest?.index
  }

  /// A copy with the largest finite values that differ from the finite elements in sign.
  fileprivate func pushedToExtremes() throws(TensorError) -> Tensor {
    let (dtype, width) = (dtype, dtype.byteCount)
    let part = dtype.isComplex ? width / 2 : width
    return try changed { bytes in
      for start in stride(from: 0, to: bytes.count, by: part) {
        let last = start + part - 1
        let isNegative = bytes[last] & 0x80 != 0
        switch dtype {
        case .float8_e8m0fnu: bytes[last] = isNegative ? 0 : 0xFE
        case .float4_e2m1fn_x2: bytes[last] = ~bytes[last] & 0x88 | 0x77
        case .bool: bytes[start] = bytes[start] == 0 ? 1 : 0
        case .uint8, .uint16, .uint32, .uint64:
          for byte in start...last { bytes[byte] = isNegative ? 0 : 0xFF }
        case .int8, .int16, .int32, .int64:
          for byte in start..<last { bytes[byte] = isNegative ? 0xFF : 0 }
          bytes[last] = isNegative ? 0x7F : 0x80
        default:
          for byte in start..<last { bytes[byte] = 0xFF }
          let high = dtype.highestFiniteBytes
          if part > 1 { bytes[last - 1] = high.next }
          bytes[last] = high.top | (isNegative ? 0 : 0x80)
        }
      }
      keepNonFinite(in: bytes)
    }
  }

  private func changed(
    _ change: (UnsafeMutableRawBufferPointer) -> Void
  ) throws(TensorError) -> Tensor {
    let storage = Storage(byteCount: byteCount) { bytes in
      copyBytes(to: bytes)
      change(bytes)
    }
    return try Tensor(storage: storage, dtype: dtype, shape: shape, device: device)
  }
}

extension DType {
  /// The two highest bytes of the largest finite value; all others are 0xFF.
  fileprivate var highestFiniteBytes: (top: UInt8, next: UInt8) {
    switch self {
    case .float16, .complex32: (0x7B, 0xFF)
    case .float8_e4m3fn: (0x7E, 0xFF)
    case .float8_e5m2: (0x7B, 0xFF)
    case .float8_e4m3fnuz, .float8_e5m2fnuz: (0x7F, 0xFF)
    case .float64, .complex128: (0x7F, 0xEF)
    default: (0x7F, 0x7F)
    }
  }
}
