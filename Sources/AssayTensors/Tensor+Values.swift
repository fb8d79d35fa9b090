internal import CAssayKernels

extension Tensor {
  /// All elements as float32, row-major: float64 and wide integers are rounded to the nearest, a
  /// complex element gives its real and its imaginary part in turn, and a packed one its numbers.
  ///
  /// - Returns: `elementCount` values, twice that for a complex or packed dtype; `bool` gives 0 and
  ///   1.
  public func float32Values() -> [Float] {
    [Float](unsafeUninitializedCapacity: elementCount * dtype.componentCount) { buffer, count in
      count = elementCount * dtype.componentCount
      convert(0..<elementCount, into: buffer)
    }
  }

  /// All elements as float64, row-major; exact but for integers above 2^53.
  ///
  /// - Returns: `elementCount` values, twice that for a complex or packed dtype; `bool` gives 0 and
  ///   1.
  public func float64Values() -> [Double] {
    [Double](unsafeUninitializedCapacity: elementCount * dtype.componentCount) { buffer, count in
      count = elementCount * dtype.componentCount
      convert(0..<elementCount, into: buffer)
    }
  }

  /// Converts some elements to float32 as ``float32Values()`` does.
  ///
  /// - Parameters:
  ///   - range: Elements in row-major order, within `0..<elementCount`.
  ///   - target: Room for `range.count` values, twice that for a complex or packed dtype.
  ///   - instructions: Which kernels to use.
  package func convert(
    _ range: Range<Int>, into target: UnsafeMutableBufferPointer<Float>,
    using instructions: InstructionSet = .best
  ) {
    precondition(target.count >= range.count * dtype.componentCount)
    walk(range) { source, count, position in
      guard let target = target.baseAddress?.advanced(by: position) else { return }
      switch dtype {
      case .float16, .complex32:
        assay_f16_to_f32(instructions.rawValue, source, count, target)
      case .bfloat16: assay_bf16_to_f32(instructions.rawValue, source, count, target)
      case .float8_e4m3fn: assay_f8e4m3fn_to_f32(source, count, target)
      case .float8_e5m2: assay_f8e5m2_to_f32(source, count, target)
      case .float8_e4m3fnuz: assay_f8e4m3fnuz_to_f32(source, count, target)
      case .float8_e5m2fnuz: assay_f8e5m2fnuz_to_f32(source, count, target)
      case .float8_e8m0fnu: assay_f8e8m0fnu_to_f32(source, count, target)
      case .float4_e2m1fn_x2: assay_f4e2m1fn_to_f32(source, count, target)
      case .float32, .complex64: assay_f32_to_f32(source, count, target)
      case .float64, .complex128: assay_f64_to_f32(source, count, target)
      case .int8: assay_i8_to_f32(source, count, target)
      case .int16: assay_i16_to_f32(source, count, target)
      case .int32: assay_i32_to_f32(source, count, target)
      case .int64: assay_i64_to_f32(source, count, target)
      case .uint8: assay_u8_to_f32(source, count, target)
      case .uint16: assay_u16_to_f32(source, count, target)
      case .uint32: assay_u32_to_f32(source, count, target)
      case .uint64: assay_u64_to_f32(source, count, target)
      case .bool: assay_bool_to_f32(source, count, target)
      }
    }
  }

  /// Converts some elements to float64 as ``float64Values()`` does.
  ///
  /// - Parameters:
  ///   - range: Elements in row-major order, within `0..<elementCount`.
  ///   - target: Room for `range.count` values, twice that for a complex or packed dtype.
  package func convert(_ range: Range<Int>, into target: UnsafeMutableBufferPointer<Double>) {
    precondition(target.count >= range.count * dtype.componentCount)
    if dtype.isFloatingPoint && dtype.byteCount < 4 || dtype == .complex32 {
      return widen(range, into: target)
    }
    walk(range) { source, count, position in
      guard let target = target.baseAddress?.advanced(by: position) else { return }
      switch dtype {
      case .float16, .bfloat16, .float8_e4m3fn, .float8_e5m2, .float8_e4m3fnuz,
        .float8_e5m2fnuz, .float8_e8m0fnu, .float4_e2m1fn_x2, .complex32:
        break
      case .float32, .complex64: assay_f32_to_f64(source, count, target)
      case .float64, .complex128: assay_f64_to_f64(source, count, target)
      case .int8: assay_i8_to_f64(source, count, target)
      case .int16: assay_i16_to_f64(source, count, target)
      case .int32: assay_i32_to_f64(source, count, target)
      case .int64: assay_i64_to_f64(source, count, target)
      case .uint8: assay_u8_to_f64(source, count, target)
      case .uint16: assay_u16_to_f64(source, count, target)
      case .uint32: assay_u32_to_f64(source, count, target)
      case .uint64: assay_u64_to_f64(source, count, target)
      case .bool: assay_bool_to_f64(source, count, target)
      }
    }
  }

  /// Small floats reach float64 by way of float32, which holds them all.
  private func widen(_ range: Range<Int>, into target: UnsafeMutableBufferPointer<Double>) {
    let length = 2048
    let components = dtype.componentCount
    withUnsafeTemporaryAllocation(of: Float.self, capacity: length * components) { values in
      for start in stride(from: range.lowerBound, to: range.upperBound, by: length) {
        let end = min(start + length, range.upperBound)
        convert(start..<end, into: values)
        guard let source = values.baseAddress, let target = target.baseAddress else { return }
        assay_f32_to_f64(
          source, (end - start) * components,
          target.advanced(by: (start - range.lowerBound) * components))
      }
    }
  }

  /// Hands out the elements in parts: a strided view must not be gathered whole.
  ///
  /// - Parameter body: Receives the bytes, how many components they hold, and the components
  ///   before them.
  private func walk(_ range: Range<Int>, _ body: (UnsafeRawPointer, Int, Int) -> Void) {
    let length = isContiguous ? max(range.count, 1) : 1 << 15
    for start in stride(from: range.lowerBound, to: range.upperBound, by: length) {
      let part = start..<min(start + length, range.upperBound)
      withContiguousBytes(ofElements: part) { bytes in
        guard let base = bytes.baseAddress else { return }
        let components = dtype.componentCount
        body(base, part.count * components, (start - range.lowerBound) * components)
      }
    }
  }
}
