import AssayTensors

enum Float32Format: SmallFloatFormat {
  static func decode(_ bits: UInt32) -> Float { Float(bitPattern: bits) }
}

enum Float16Format: SmallFloatFormat {
  static func decode(_ bits: UInt16) -> Float { MiniFloat.float16(bits) }
}

enum BFloat16Format: SmallFloatFormat {
  static func decode(_ bits: UInt16) -> Float { MiniFloat.bfloat16(bits) }
}

enum Float8E4M3FNFormat: SmallFloatFormat {
  static func decode(_ bits: UInt8) -> Float { MiniFloat.float8E4M3FN(bits) }
}

enum Float8E5M2Format: SmallFloatFormat {
  static func decode(_ bits: UInt8) -> Float { MiniFloat.float8E5M2(bits) }
}

enum Float8E4M3FNUZFormat: SmallFloatFormat {
  static func decode(_ bits: UInt8) -> Float { MiniFloat.float8E4M3FNUZ(bits) }
}

enum Float8E5M2FNUZFormat: SmallFloatFormat {
  static func decode(_ bits: UInt8) -> Float { MiniFloat.float8E5M2FNUZ(bits) }
}

enum Float8E8M0FNUFormat: SmallFloatFormat {
  static func decode(_ bits: UInt8) -> Float { MiniFloat.float8E8M0FNU(bits) }
  static func key(_ bits: UInt8) -> Int64 { Int64(bits) }
}

/// Two to a byte, so an index counts halves.
enum Float4E2M1FNFormat: SmallFloatFormat {
  static func load(_ base: UnsafeRawPointer, _ index: Int) -> UInt8 {
    base.load(fromByteOffset: index / 2, as: UInt8.self) >> UInt8(index % 2 * 4) & 0xF
  }
  static func decode(_ bits: UInt8) -> Float { MiniFloat.float4E2M1FN(bits) }
  static func key(_ bits: UInt8) -> Int64 { orderedKey(Int64(bits), width: 4) }
}

/// One part of a `complex32`.
struct HalfPart: ComplexPart {
  var bits: UInt16
  var double: Double { Double(MiniFloat.float16(bits)) }
}

extension Float: ComplexPart {
  var double: Double { Double(self) }
}

extension Double: ComplexPart {
  var double: Double { self }
}
