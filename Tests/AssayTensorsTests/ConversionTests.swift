import Foundation
import Testing

@testable import AssayTensors

/// The kernels against the scalar conversions, and those against values of the formats' standards.
@Suite struct ConversionTests {
  @Test(
    arguments: [
      (0x0000, 0), (0x0001, 0x1p-24), (0x03FF, 0x1.FF8p-15), (0x0400, 0x1p-14), (0x3C00, 1),
      (0x3555, 0.333251953125), (0x7BFF, 65504), (0x7C00, .infinity), (0xC000, -2),
    ] as [(UInt16, Float)])
  func float16HasTheValuesOfIEEE754(_ bits: UInt16, _ value: Float) {
    #expect(MiniFloat.float16(bits) == value)
  }

  @Test(
    arguments: [
      (0x00, 0), (0x01, 0x1p-9), (0x07, 0x1.Cp-7), (0x08, 0x1p-6), (0x38, 1), (0x7E, 448),
      (0xBC, -1.5),
    ] as [(UInt8, Float)])
  func float8E4M3FNHasTheValuesOfOCP(_ bits: UInt8, _ value: Float) {
    #expect(MiniFloat.float8E4M3FN(bits) == value)
  }

  @Test(
    arguments: [
      (0x01, 0x1p-16), (0x04, 0x1p-14), (0x3C, 1), (0x7B, 57344), (0x7C, .infinity), (0xC4, -4),
    ] as [(UInt8, Float)])
  func float8E5M2HasTheValuesOfOCP(_ bits: UInt8, _ value: Float) {
    #expect(MiniFloat.float8E5M2(bits) == value)
  }

  /// What PyTorch's `float()` gives.
  @Test(
    arguments: [
      (0x00, 0), (0x01, 0x1p-10), (0x07, 0x1.Cp-8), (0x08, 0x1p-7), (0x40, 1), (0x7F, 240),
      (0x81, -0x1p-10), (0xFF, -240), (0xC4, -1.5),
    ] as [(UInt8, Float)])
  func float8E4M3FNUZHasTheValuesOfTorch(_ bits: UInt8, _ value: Float) {
    #expect(MiniFloat.float8E4M3FNUZ(bits) == value)
  }

  @Test(
    arguments: [
      (0x00, 0), (0x01, 0x1p-17), (0x04, 0x1p-15), (0x40, 1), (0x7F, 57344), (0x81, -0x1p-17),
      (0xFF, -57344),
    ] as [(UInt8, Float)])
  func float8E5M2FNUZHasTheValuesOfTorch(_ bits: UInt8, _ value: Float) {
    #expect(MiniFloat.float8E5M2FNUZ(bits) == value)
  }

  @Test(
    arguments: [
      (0x00, 0x1p-127), (0x01, 0x1p-126), (0x7F, 1), (0x80, 2), (0xFE, 0x1p127),
    ] as [(UInt8, Float)])
  func float8E8M0FNUHasTheValuesOfTorch(_ bits: UInt8, _ value: Float) {
    #expect(MiniFloat.float8E8M0FNU(bits) == value)
  }

  @Test func formatsWithoutInfinityHaveOneNaN() {
    let all = (0...UInt8.max).map { $0 }
    #expect(all.filter { MiniFloat.float8E4M3FNUZ($0).isNaN } == [0x80])
    #expect(all.filter { MiniFloat.float8E5M2FNUZ($0).isNaN } == [0x80])
    #expect(all.filter { MiniFloat.float8E8M0FNU($0).isNaN } == [0xFF])
    #expect(!all.contains { MiniFloat.float4E2M1FN($0).isNaN })
  }

  /// OCP Microscaling Formats 1.0: one byte holds two, the first in its low half.
  @Test func float4IsPackedLowHalfFirst() throws {
    let values: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
    let bytes = stride(from: UInt8(0), to: 16, by: 2).map { ($0 + 1) << 4 | $0 }
    let tensor = try Tensor(bytes, dtype: .float4_e2m1fn_x2, shape: Shape([2, 4]))
    #expect(tensor.float32Values() == values + values.map { -$0 })
    #expect(tensor.float64Values()[8].sign == .minus)
    #expect(tensor.dtype.valueShape(of: tensor.shape).dimensions == [2, 8])
    #expect(tensor.dtype.valueShape(of: .scalar).dimensions == [2])
  }

  @Test(arguments: InstructionSet.available)
  func every16BitPatternWidensAsItsScalar(_ instructions: InstructionSet) throws {
    let all = (0...UInt16.max).map { $0 }
    for dtype in [DType.float16, .bfloat16] {
      let tensor = try Tensor(all, dtype: dtype)
      var values = [Float](repeating: -1, count: all.count)
      values.withUnsafeMutableBufferPointer {
        tensor.convert(0..<all.count, into: $0, using: instructions)
      }
      for (bits, value) in zip(all, values) {
        let expected = dtype == .float16 ? MiniFloat.float16(bits) : MiniFloat.bfloat16(bits)
        #expect(isSame(value, expected), "\(dtype) \(bits)")
      }
    }
  }

  @Test func every8BitPatternWidensAsItsScalar() throws {
    let all = (0...UInt8.max).map { $0 }
    let e4m3 = try Tensor(all, dtype: .float8_e4m3fn).float32Values()
    let e5m2 = try Tensor(all, dtype: .float8_e5m2).float64Values()
    for bits in all {
      #expect(isSame(e4m3[Int(bits)], MiniFloat.float8E4M3FN(bits)), "\(bits)")
      #expect(isSame(Float(e5m2[Int(bits)]), MiniFloat.float8E5M2(bits)), "\(bits)")
    }
    let scalars: [(DType, (UInt8) -> Float)] = [
      (.float8_e4m3fnuz, MiniFloat.float8E4M3FNUZ), (.float8_e5m2fnuz, MiniFloat.float8E5M2FNUZ),
      (.float8_e8m0fnu, MiniFloat.float8E8M0FNU),
    ]
    for (dtype, scalar) in scalars {
      let wide = try Tensor(all, dtype: dtype).float64Values()
      #expect(zip(all, wide).allSatisfy { isSame(Float($1), scalar($0)) }, "\(dtype)")
    }
  }

  /// Every 16-bit value, its neighbours in float32, and the ties half way to the next.
  @Test(arguments: InstructionSet.available)
  func roundingTakesTheNearestValueAndEvenAtTies(_ instructions: InstructionSet) {
    var bfloat16Failures = 0
    var float16Failures = 0
    for high in stride(from: UInt32(0), through: 0xFFFF, by: 1) {
      let values = [0, 1, 0x7FFF, 0x8000, 0x8001, 0x1000, 0x0FFF, 0x1001, 0x3000, 0xFFFF].map {
        Float(bitPattern: high << 16 | $0)
      }
      var bits = [UInt16](repeating: 0, count: values.count)
      FloatConversion.roundToBFloat16(
        values, count: values.count, into: &bits, using: instructions)
      for (value, bits) in zip(values, bits)
      where !isNearest(MiniFloat.bfloat16(bits), to: value, bits: bits, MiniFloat.bfloat16) {
        bfloat16Failures += 1
      }
      FloatConversion.roundToFloat16(values, count: values.count, into: &bits, using: instructions)
      for (value, bits) in zip(values, bits)
      where !isNearest(MiniFloat.float16(bits), to: value, bits: bits, MiniFloat.float16) {
        float16Failures += 1
      }
    }
    #expect(bfloat16Failures == 0)
    #expect(float16Failures == 0)
  }

  @Test(arguments: InstructionSet.available)
  func roundingInPlaceEqualsRoundingAndWidening(_ instructions: InstructionSet) {
    var generator = SeededGenerator(seed: 7)
    let values = (0..<1037).map { _ in
      Float(bitPattern: UInt32.random(in: 0 ... .max, using: &generator))
    }
    var inPlace = values
    FloatConversion.roundInPlaceToBFloat16(&inPlace, count: values.count, using: instructions)
    var bits = [UInt16](repeating: 0, count: values.count)
    FloatConversion.roundToBFloat16(values, count: values.count, into: &bits, using: instructions)
    #expect(zip(inPlace, bits).allSatisfy { isSame($0, MiniFloat.bfloat16($1)) })
    inPlace = values
    FloatConversion.roundInPlaceToFloat16(&inPlace, count: values.count, using: instructions)
    FloatConversion.roundToFloat16(values, count: values.count, into: &bits, using: instructions)
    #expect(zip(inPlace, bits).allSatisfy { isSame($0, MiniFloat.float16($1)) })
  }

  /// Vectors of 16 and what is left over: every value differs from those around it.
  @Test(arguments: InstructionSet.available, 0...50)
  func everyLengthConvertsElementByElement(_ instructions: InstructionSet, _ count: Int) throws {
    let bits = (0..<count).map { UInt16($0 * 401 + 0x2C01) }
    for (dtype, scalar) in [
      (DType.float16, MiniFloat.float16 as (UInt16) -> Float), (.bfloat16, MiniFloat.bfloat16),
    ] {
      var values = [Float](repeating: -1, count: count)
      let tensor = try Tensor(bits, dtype: dtype)
      values.withUnsafeMutableBufferPointer {
        tensor.convert(0..<count, into: $0, using: instructions)
      }
      #expect(values == bits.map(scalar))
      // Less than half a step away.
      let near = bits.map { scalar($0) * (1 + 0x1p-13) }
      var (rounded, inPlace) = ([UInt16](repeating: 0, count: count), near)
      if dtype == .float16 {
        FloatConversion.roundToFloat16(near, count: count, into: &rounded, using: instructions)
        FloatConversion.roundInPlaceToFloat16(&inPlace, count: count, using: instructions)
      } else {
        FloatConversion.roundToBFloat16(near, count: count, into: &rounded, using: instructions)
        FloatConversion.roundInPlaceToBFloat16(&inPlace, count: count, using: instructions)
      }
      #expect(rounded == bits && inPlace == values, "\(dtype)")
    }
  }

  /// NaNs become quiet and keep their payload, at the first place too.
  @Test(
    arguments: [
      (.float8_e5m2, 0x7D, 0x7FE0_0000), (.float8_e5m2, 0x7E, 0x7FC0_0000),
      (.float8_e5m2, 0xFF, 0xFFE0_0000), (.float8_e4m3fn, 0x7F, 0x7FC0_0000),
      (.float8_e4m3fnuz, 0x80, 0x7FC0_0000), (.float8_e5m2fnuz, 0x80, 0x7FC0_0000),
      (.float8_e8m0fnu, 0xFF, 0x7FC0_0000),
    ] as [(DType, UInt8, UInt32)])
  func nansOf8BitsKeepTheirPayload(_ dtype: DType, _ bits: UInt8, _ expected: UInt32) throws {
    let values = try Tensor([bits, bits], dtype: dtype).float32Values()
    #expect(values.map(\.bitPattern) == [expected, expected])
  }

  @Test(
    arguments: InstructionSet.available,
    [
      (0x7FA5_2000, 0x7F29, 0x7FE5), (0xFF80_1000, 0xFE00, 0xFFC0), (0x7FFF_FFFF, 0x7FFF, 0x7FFF),
    ] as [(UInt32, UInt16, UInt16)])
  func roundedNaNsKeepTheUpperPayload(
    _ instructions: InstructionSet, _ nan: (bits: UInt32, float16: UInt16, bfloat16: UInt16)
  ) {
    let values = [Float](repeating: Float(bitPattern: nan.bits), count: 17)
    var bits = [UInt16](repeating: 0, count: values.count)
    FloatConversion.roundToFloat16(values, count: values.count, into: &bits, using: instructions)
    #expect(bits.allSatisfy { $0 == nan.float16 })
    FloatConversion.roundToBFloat16(values, count: values.count, into: &bits, using: instructions)
    #expect(bits.allSatisfy { $0 == nan.bfloat16 })
  }

  /// The tests are of the sets that this machine has: none of them may be passed over.
  @Test func theBestInstructionSetIsThatOfTheProcessor() throws {
    #if os(Linux) && arch(x86_64)
    let text = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
    let lines = text.split(separator: "\n")
    let flags = Set(try #require(lines.first { $0.hasPrefix("flags") }).split(separator: " "))
    let best: InstructionSet =
      !flags.isSuperset(of: ["avx2", "fma", "f16c"])
      ? .baseline
      : flags.isSuperset(of: ["avx512f", "avx512bw", "avx512vl", "avx512dq"]) ? .avx512 : .avx2
    #expect(InstructionSet.best == best)
    #else
    #expect(InstructionSet.best == .baseline)
    #endif
  }

  @Test func integersRoundOnceAndKeepTheirSign() throws {
    #expect(
      try Tensor([Int64.min, -1, 1 << 53 + 1, .max], dtype: .int64).float64Values()
        == [-0x1p63, -1, 0x1p53, 0x1p63])
    // By way of float64 this would round to a tie first, and then down to 2^60.
    #expect(
      try Tensor([Int64(1 << 60 + 1 << 36 + 1)], dtype: .int64).float32Values() == [0x1.000002p60])
    #expect(
      try Tensor([UInt64.max, 1 << 63], dtype: .uint64).float32Values() == [0x1p64, 0x1p63])
    #expect(try Tensor([UInt8(0), 1, 7], dtype: .bool).float32Values() == [0, 1, 1])
    #expect(try Tensor([Int8(-128), 127], dtype: .int8).float64Values() == [-128, 127])
    #expect(try Tensor([UInt16.max], dtype: .uint16).float32Values() == [65535])
  }

  @Test func complexElementsGiveBothParts() throws {
    let tensor = try Tensor(
      [Float](arrayLiteral: 1, -2, 3, 4), dtype: .complex64, shape: .vector(2))
    #expect(tensor.float64Values() == [1, -2, 3, 4])
    #expect(tensor.float32Values() == [1, -2, 3, 4])
    let half = try Tensor(
      [0x3C00, 0xC000, 0x4200, 0x7BFF] as [UInt16], dtype: .complex32, shape: .vector(2))
    #expect(half.float64Values() == [1, -2, 3, 65504])
    #expect(half.float32Values() == [1, -2, 3, 65504])
  }

  @Test func stridedViewsGiveTheirElementsInRowMajorOrder() throws {
    let base = try Tensor((0..<12).map { UInt16($0) << 7 }, dtype: .bfloat16)
    let transposed = try Tensor(
      storage: base.storage, dtype: .bfloat16, shape: Shape([4, 3]), strides: [1, 4])
    let expected = (0..<4).flatMap { column in
      (0..<3).map { MiniFloat.bfloat16(UInt16($0 * 4 + column) << 7) }
    }
    #expect(transposed.float32Values() == expected)
    #expect(transposed.float64Values() == expected.map(Double.init))
    let empty = try Tensor([UInt16](), dtype: .float16, shape: Shape([2, 0]))
    #expect(empty.float32Values().isEmpty && empty.float64Values().isEmpty)
  }

  private func isSame(_ a: Float, _ b: Float) -> Bool {
    a.isNaN ? b.isNaN && a.sign == b.sign : a.bitPattern == b.bitPattern
  }

  /// Whether no neighbour in the format is closer, judged in exact float64.
  private func isNearest(
    _ rounded: Float, to value: Float, bits: UInt16, _ decode: (UInt16) -> Float
  ) -> Bool {
    if value.isNaN { return rounded.isNaN && rounded.sign == value.sign }
    guard rounded.sign == value.sign, !rounded.isNaN else { return false }
    // Beyond the largest value the next step would have been a power of two: that is infinity.
    func magnitude(_ bits: UInt16) -> Double {
      let value = Double(decode(bits & 0x7FFF))
      return value.isInfinite ? 2 * Double(decode((bits & 0x7FFF) - 1).binade) : value
    }
    if value.isInfinite { return rounded.isInfinite }
    let exact = Double(value.magnitude)
    let size = bits & 0x7FFF
    if rounded.isInfinite {
      return exact >= (magnitude(size) + magnitude(size - 1)) / 2
    }
    let distance = abs(magnitude(size) - exact)
    let above = abs(magnitude(size + 1) - exact)
    let below = size == 0 ? Double.infinity : abs(magnitude(size - 1) - exact)
    let isEven = size & 1 == 0
    return (isEven ? distance <= above : distance < above)
      && (isEven ? distance <= below : distance < below)
  }
}

/// A seeded generator (SplitMix64), so that a failure comes again.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}
