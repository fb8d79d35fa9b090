import AssayRuns
import AssayTensors

/// How elements of one dtype are loaded, subtracted and judged.
///
/// The plain definition of every verdict and figure: the C kernels are tested against it, and it
/// serves complex numbers and extreme magnitudes itself.
protocol PairArithmetic {
  associatedtype Element
  /// The magnitude of a difference, in the arithmetic that the element rule uses.
  associatedtype Gap

  /// Whether the bounds of a rule are rounded to float32.
  static var usesFloat32Bounds: Bool { get }
  static func load(_ base: UnsafeRawPointer, _ index: Int) -> Element
  static func isNaN(_ element: Element) -> Bool
  static func isFinite(_ element: Element) -> Bool
  static func isEqual(_ actual: Element, _ expected: Element) -> Bool
  /// The element as statistics count it: the modulus of a complex one.
  static func value(_ element: Element) -> Double
  /// Whether squares of elements may leave float64's range.
  static var isWide: Bool { get }
  /// The real part of the inner product of both elements scaled.
  static func product(_ actual: Element, _ expected: Element, scale: Double) -> Double
  /// `|actual - expected|` of finite elements.
  static func gap(_ actual: Element, _ expected: Element) -> Gap
  /// The gap as figures show it, which does not overflow where float64 can hold it.
  static func figure(_ gap: Gap, _ actual: Element, _ expected: Element) -> Double
  static func passes(_ gap: Gap, _ expected: Element, rtol: Double, atol: Double) -> Bool
  /// The distance in representable values; `nil` where the dtype has no order or just two values.
  static func ulp(_ actual: Element, _ expected: Element) -> UInt64?
}

/// Turns the bits of a float into integers that count its values in order, both zeros being 0.
func orderedKey(_ bits: Int64, width: Int64) -> Int64 {
  let magnitude = bits & (1 << (width - 1) - 1)
  return bits >> (width - 1) & 1 == 1 ? -magnitude : magnitude
}

/// A float of up to 32 bits with its own bits' place in the order of values.
struct SmallFloat {
  var value: Float
  var key: Int64
}

/// Decodes one of the formats of up to 32 bits.
protocol SmallFloatFormat {
  associatedtype Bits: FixedWidthInteger & UnsignedInteger & BitwiseCopyable
  static func load(_ base: UnsafeRawPointer, _ index: Int) -> Bits
  static func decode(_ bits: Bits) -> Float
  /// The place of the bits in the order of values.
  static func key(_ bits: Bits) -> Int64
}

extension SmallFloatFormat {
  static func load(_ base: UnsafeRawPointer, _ index: Int) -> Bits {
    base.loadUnaligned(fromByteOffset: index * MemoryLayout<Bits>.size, as: Bits.self)
  }

  static func key(_ bits: Bits) -> Int64 {
    orderedKey(Int64(bits), width: Int64(MemoryLayout<Bits>.size * 8))
  }
}

/// Floats of up to 32 bits: differences and bounds in float32.
enum SmallFloatPair<Format: SmallFloatFormat>: PairArithmetic {
  static var usesFloat32Bounds: Bool { true }

  static func load(_ base: UnsafeRawPointer, _ index: Int) -> SmallFloat {
    let bits = Format.load(base, index)
    return SmallFloat(value: Format.decode(bits), key: Format.key(bits))
  }

  static func isNaN(_ element: SmallFloat) -> Bool { element.value.isNaN }
  static func isFinite(_ element: SmallFloat) -> Bool { element.value.isFinite }
  static func value(_ element: SmallFloat) -> Double { Double(element.value) }

  static func isEqual(_ actual: SmallFloat, _ expected: SmallFloat) -> Bool {
    actual.value == expected.value
  }

  static var isWide: Bool { false }

  static func product(_ actual: SmallFloat, _ expected: SmallFloat, scale: Double) -> Double {
    Double(actual.value) * Double(expected.value)
  }

  static func gap(_ actual: SmallFloat, _ expected: SmallFloat) -> Float {
    (actual.value - expected.value).magnitude
  }

  static func figure(_ gap: Float, _ actual: SmallFloat, _ expected: SmallFloat) -> Double {
    gap.isFinite ? Double(gap) : (Double(actual.value) - Double(expected.value)).magnitude
  }

  static func passes(_ gap: Float, _ expected: SmallFloat, rtol: Double, atol: Double) -> Bool {
    // Two roundings on purpose: a fused multiply-add would judge differently from machine to machine.
    let scaled = Float(rtol) * expected.value.magnitude
    return gap.isFinite && gap <= Float(atol) + scaled
  }

  static func ulp(_ actual: SmallFloat, _ expected: SmallFloat) -> UInt64? {
    (actual.key - expected.key).magnitude
  }
}

/// float64: differences and bounds in float64.
enum DoublePair: PairArithmetic {
  static var usesFloat32Bounds: Bool { false }

  static func load(_ base: UnsafeRawPointer, _ index: Int) -> Double {
    base.loadUnaligned(fromByteOffset: index * 8, as: Double.self)
  }

  static func isNaN(_ element: Double) -> Bool { element.isNaN }
  static func isFinite(_ element: Double) -> Bool { element.isFinite }
  static func isEqual(_ actual: Double, _ expected: Double) -> Bool { actual == expected }
  static func value(_ element: Double) -> Double { element }
  static var isWide: Bool { true }
  static func product(_ actual: Double, _ expected: Double, scale: Double) -> Double {
    (actual * scale) * (expected * scale)
  }
  static func gap(_ actual: Double, _ expected: Double) -> Double { (actual - expected).magnitude }
  static func figure(_ gap: Double, _ actual: Double, _ expected: Double) -> Double { gap }

  static func passes(_ gap: Double, _ expected: Double, rtol: Double, atol: Double) -> Bool {
    let scaled = rtol * expected.magnitude
    return gap.isFinite && gap <= atol + scaled
  }

  static func ulp(_ actual: Double, _ expected: Double) -> UInt64? {
    func key(_ value: Double) -> Int64 {
      value.sign == .minus
        ? -Int64(value.magnitude.bitPattern) : Int64(value.magnitude.bitPattern)
    }
    let (a, e) = (key(actual), key(expected))
    return a < e ? UInt64(bitPattern: e &- a) : UInt64(bitPattern: a &- e)
  }
}

/// Integers: the difference is exact, however far apart; the bound it must meet is a float64.
enum IntegerPair<Integer: FixedWidthInteger & BitwiseCopyable>: PairArithmetic {
  static var usesFloat32Bounds: Bool { false }

  static func load(_ base: UnsafeRawPointer, _ index: Int) -> Integer {
    base.loadUnaligned(fromByteOffset: index * MemoryLayout<Integer>.size, as: Integer.self)
  }

  static func isNaN(_ element: Integer) -> Bool { false }
  static func isFinite(_ element: Integer) -> Bool { true }
  static func isEqual(_ actual: Integer, _ expected: Integer) -> Bool { actual == expected }
  static func value(_ element: Integer) -> Double { Double(element) }

  static var isWide: Bool { false }

  static func product(_ actual: Integer, _ expected: Integer, scale: Double) -> Double {
    Double(actual) * Double(expected)
  }

  static func gap(_ actual: Integer, _ expected: Integer) -> UInt64 {
    let (low, high) = actual < expected ? (actual, expected) : (expected, actual)
    // The distance of two 64-bit integers fits an unsigned one, though it may not fit a signed one.
    return UInt64(truncatingIfNeeded: high) &- UInt64(truncatingIfNeeded: low)
  }

  static func figure(_ gap: UInt64, _ actual: Integer, _ expected: Integer) -> Double {
    Double(gap)
  }

  static func passes(_ gap: UInt64, _ expected: Integer, rtol: Double, atol: Double) -> Bool {
    let scaled = rtol * Double(UInt64(expected.magnitude))
    let bound = atol + scaled
    return bound >= 0x1p64 || gap <= UInt64(bound)
  }

  static func ulp(_ actual: Integer, _ expected: Integer) -> UInt64? { gap(actual, expected) }
}

/// Booleans: a difference is a mismatch under every tolerance.
enum BooleanPair: PairArithmetic {
  static var usesFloat32Bounds: Bool { false }

  static func load(_ base: UnsafeRawPointer, _ index: Int) -> Bool {
    base.load(fromByteOffset: index, as: UInt8.self) != 0
  }

  static func isNaN(_ element: Bool) -> Bool { false }
  static func isFinite(_ element: Bool) -> Bool { true }
  static func isEqual(_ actual: Bool, _ expected: Bool) -> Bool { actual == expected }
  static func value(_ element: Bool) -> Double { element ? 1 : 0 }
  static var isWide: Bool { false }
  static func product(_ actual: Bool, _ expected: Bool, scale: Double) -> Double {
    actual && expected ? 1 : 0
  }
  static func gap(_ actual: Bool, _ expected: Bool) -> Bool { actual != expected }
  static func figure(_ gap: Bool, _ actual: Bool, _ expected: Bool) -> Double { gap ? 1 : 0 }
  static func passes(_ gap: Bool, _ expected: Bool, rtol: Double, atol: Double) -> Bool { !gap }
  static func ulp(_ actual: Bool, _ expected: Bool) -> UInt64? { nil }
}

/// The real or the imaginary part of a complex number as it is stored.
protocol ComplexPart: BitwiseCopyable {
  var double: Double { get }
}

/// Complex numbers by their modulus, in float64.
enum ComplexPair<Part: ComplexPart>: PairArithmetic {
  static var usesFloat32Bounds: Bool { false }

  static func load(_ base: UnsafeRawPointer, _ index: Int) -> SIMD2<Double> {
    let size = MemoryLayout<Part>.size
    let real = base.loadUnaligned(fromByteOffset: index * size * 2, as: Part.self)
    let imaginary = base.loadUnaligned(fromByteOffset: index * size * 2 + size, as: Part.self)
    return SIMD2(real.double, imaginary.double)
  }

  static func isNaN(_ element: SIMD2<Double>) -> Bool { element.x.isNaN || element.y.isNaN }
  static func isFinite(_ element: SIMD2<Double>) -> Bool {
    element.x.isFinite && element.y.isFinite
  }
  static func isEqual(_ actual: SIMD2<Double>, _ expected: SIMD2<Double>) -> Bool {
    actual == expected
  }

  static func value(_ element: SIMD2<Double>) -> Double {
    ComplexModulus.of(element.x, element.y)
  }

  static var isWide: Bool { true }

  static func product(
    _ actual: SIMD2<Double>, _ expected: SIMD2<Double>, scale: Double
  ) -> Double {
    ((actual * scale) * (expected * scale)).sum()
  }

  static func gap(_ actual: SIMD2<Double>, _ expected: SIMD2<Double>) -> Double {
    value(actual - expected)
  }

  static func figure(
    _ gap: Double, _ actual: SIMD2<Double>, _ expected: SIMD2<Double>
  ) -> Double { gap }

  static func passes(
    _ gap: Double, _ expected: SIMD2<Double>, rtol: Double, atol: Double
  ) -> Bool {
    let scaled = rtol * value(expected)
    return gap.isFinite && gap <= atol + scaled
  }

  static func ulp(_ actual: SIMD2<Double>, _ expected: SIMD2<Double>) -> UInt64? { nil }
}
