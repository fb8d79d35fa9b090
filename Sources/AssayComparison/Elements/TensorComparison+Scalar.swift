import AssayTensors

/// Something to do with the arithmetic that a dtype has.
protocol ArithmeticTask {
  associatedtype Result
  func run<Arithmetic: PairArithmetic>(_ arithmetic: Arithmetic.Type) -> Result
}

extension DType {
  /// Does a task with this dtype's arithmetic.
  func withArithmetic<Task: ArithmeticTask>(_ task: Task) -> Task.Result {
    switch self {
    case .float64: task.run(DoublePair.self)
    case .float32: task.run(SmallFloatPair<Float32Format>.self)
    case .float16: task.run(SmallFloatPair<Float16Format>.self)
    case .bfloat16: task.run(SmallFloatPair<BFloat16Format>.self)
    case .float8_e4m3fn: task.run(SmallFloatPair<Float8E4M3FNFormat>.self)
    case .float8_e5m2: task.run(SmallFloatPair<Float8E5M2Format>.self)
    case .float8_e4m3fnuz: task.run(SmallFloatPair<Float8E4M3FNUZFormat>.self)
    case .float8_e5m2fnuz: task.run(SmallFloatPair<Float8E5M2FNUZFormat>.self)
    case .float8_e8m0fnu: task.run(SmallFloatPair<Float8E8M0FNUFormat>.self)
    case .float4_e2m1fn_x2: task.run(SmallFloatPair<Float4E2M1FNFormat>.self)
    case .int8: task.run(IntegerPair<Int8>.self)
    case .int16: task.run(IntegerPair<Int16>.self)
    case .int32: task.run(IntegerPair<Int32>.self)
    case .int64: task.run(IntegerPair<Int64>.self)
    case .uint8: task.run(IntegerPair<UInt8>.self)
    case .uint16: task.run(IntegerPair<UInt16>.self)
    case .uint32: task.run(IntegerPair<UInt32>.self)
    case .uint64: task.run(IntegerPair<UInt64>.self)
    case .bool: task.run(BooleanPair.self)
    case .complex32: task.run(ComplexPair<HalfPart>.self)
    case .complex64: task.run(ComplexPair<Float>.self)
    case .complex128: task.run(ComplexPair<Double>.self)
    }
  }
}

extension TensorComparison {
  /// The difference by the plain element-by-element definition.
  static func scalarDifference(
    _ actual: Tensor, _ expected: Tensor, _ rule: ElementRule
  ) -> Difference {
    actual.dtype.withArithmetic(DifferenceTask(actual: actual, expected: expected, rule: rule))
  }

  private struct DifferenceTask: ArithmeticTask {
    let actual: Tensor
    let expected: Tensor
    let rule: ElementRule

    func run<Arithmetic: PairArithmetic>(_ arithmetic: Arithmetic.Type) -> Difference {
      var comparison = ScalarComparison<Arithmetic>(
        rule: rule, rowLength: actual.dtype.valueShape(of: actual.shape).rowLength)
      walk(actual, expected) { comparison.add($0, $1, count: $2) }
      return comparison.finish()
    }
  }

  /// Walks two tensors of one shape and dtype in step, gathering strided ones in parts.
  ///
  /// - Parameters:
  ///   - elements: Positions in row-major order; `nil` for all.
  ///   - body: Receives the next elements of both and their number, which is a multiple of 2,048 in
  ///     all calls but the last; each number in a packed element counts.
  static func walk(
    _ actual: Tensor, _ expected: Tensor, _ elements: Range<Int>? = nil,
    _ body: (UnsafeRawPointer, UnsafeRawPointer, Int) -> Void
  ) {
    let elements = elements ?? 0..<actual.elementCount
    let isContiguous = actual.isContiguous && expected.isContiguous
    let isLarge = elements.count > 2 * Tensor.elementsAtOnce
    let length =
      !isContiguous ? 1 << 15 : isLarge ? Tensor.elementsAtOnce : max(elements.count, 1)
    var kept = elements.lowerBound
    for start in stride(from: elements.lowerBound, to: elements.upperBound, by: length) {
      let range = start..<min(start + length, elements.upperBound)
      actual.withContiguousBytes(ofElements: range) { a in
        expected.withContiguousBytes(ofElements: range) { e in
          guard let a = a.baseAddress, let e = e.baseAddress else { return }
          body(a, e, range.count * actual.dtype.packedCount)
        }
      }
      if isLarge, range.upperBound - kept >= Tensor.elementsAtOnce {
        actual.forget(kept..<range.upperBound)
        expected.forget(kept..<range.upperBound)
        kept = range.upperBound
      }
    }
  }
}
