package import AssayTensors

extension RandomRun.Entry {
  /// An element's value, by the definition of its dtype; only for what a random run holds.
  package func value(_ element: Int) -> Double {
    let bytes = self[element: element]
    let bits = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    switch dtype {
    case .float64: return Double(bitPattern: bits)
    case .float32: return Double(Float(bitPattern: UInt32(bits)))
    case .bfloat16: return Double(Float(bitPattern: UInt32(bits) << 16))
    case .float16: return Self.normal(bits, exponentBits: 5, fractionBits: 10)
    case .float8_e4m3fn: return Self.normal(bits, exponentBits: 4, fractionBits: 3)
    case .float8_e5m2: return Self.normal(bits, exponentBits: 5, fractionBits: 2)
    case .int64: return Double(Int64(bitPattern: bits))
    case .int32: return Double(Int32(bitPattern: UInt32(bits)))
    case .int16: return Double(Int16(bitPattern: UInt16(bits)))
    case .int8: return Double(Int8(bitPattern: UInt8(bits)))
    default: return Double(bits)
    }
  }

  private static func normal(_ bits: UInt64, exponentBits: Int, fractionBits: Int) -> Double {
    let exponent = Int(bits >> fractionBits) & (1 << exponentBits - 1)
    let fraction = Double(bits & (1 << fractionBits - 1)) / Double(1 << fractionBits)
    let size = Double(
      sign: .plus, exponent: exponent - (1 << (exponentBits - 1) - 1), significand: 1)
    return (1 + fraction) * size * (bits >> (exponentBits + fractionBits) & 1 == 1 ? -1 : 1)
  }

  /// The bits of a float's fraction: so many steps up lead to twice the value.
  private var fractionBits: Int {
    switch dtype {
    case .float64: 52
    case .float32: 23
    case .float16: 10
    case .bfloat16: 7
    case .float8_e4m3fn: 3
    case .float8_e5m2: 2
    default: 6
    }
  }

  /// Moves an element to another representable value, near or far.
  ///
  /// - Returns: How far, where that is exact enough to be held to a bound; `nil` where it would
  ///   leave the range.
  package mutating func move(
    _ element: Int, using generator: inout some RandomNumberGenerator
  ) -> Double? {
    let before = value(element)
    let count: UInt64 = 1 << UInt64.random(in: 0...UInt64(fractionBits), using: &generator)
    let bits = self[element: element].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    // A Boolean has no other value than the other one.
    let moved = dtype == .bool ? bits ^ 1 : bits &+ count
    self[element: element] = (0..<dtype.byteCount).map {
      UInt8(truncatingIfNeeded: moved >> (8 * $0))
    }
    // An integer may have come out at the other end.
    let distance = dtype.isInteger && dtype != .bool ? Double(count) : abs(value(element) - before)
    guard dtype != .bool, dtype.isInteger, value(element) < before else { return distance }
    return nil
  }

  /// A NaN, one of several; `nil` for a dtype without.
  package func nan(using generator: inout some RandomNumberGenerator) -> [UInt8]? {
    let low = UInt8.random(in: 1...127, using: &generator)
    let sign: UInt8 = .random(using: &generator) ? 0x80 : 0
    return switch dtype {
    case .float64: [low, 0, 0, 0, 0, 0, 0xF8, 0x7F | sign]
    case .float32: [low, 0, 0xC0, 0x7F | sign]
    case .bfloat16: [0xC0 | low >> 1, 0x7F | sign]
    case .float16: [low, 0x7E | sign]
    case .float8_e4m3fn: [0x7F | sign]
    case .float8_e5m2: [0x7D | low & 2 | sign]
    default: nil
    }
  }

  /// The positive infinity; `nil` for a dtype without.
  package var infinity: [UInt8]? {
    switch dtype {
    case .float64: [0, 0, 0, 0, 0, 0, 0xF0, 0x7F]
    case .float32: [0, 0, 0x80, 0x7F]
    case .bfloat16: [0x80, 0x7F]
    case .float16: [0, 0x7C]
    case .float8_e5m2: [0x7C]
    default: nil
    }
  }

  /// Another dtype whose elements are as many bytes; `nil` where there is none.
  package var twin: DType? {
    switch dtype {
    case .float64: .int64
    case .float32: .int32
    case .float16: .bfloat16
    case .bfloat16: .float16
    case .int64: .float64
    case .int32: .float32
    case .int16: .float16
    case .float8_e4m3fn: .float8_e5m2
    case .float8_e5m2: .int8
    case .int8: .uint8
    case .uint8: .int8
    default: nil
    }
  }
}
