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
