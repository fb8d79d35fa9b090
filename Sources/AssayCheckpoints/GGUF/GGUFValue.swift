/// A value of a GGUF file's metadata.
package enum GGUFValue: Hashable, Sendable {
  /// An integer of any width.
  case integer(Int)
  /// An unsigned integer above `Int.max`.
  case unsigned(UInt64)
  /// A number of 32 or 64 bits; a 32-bit one is widened.
  case double(Double)
  /// True or false.
  case bool(Bool)
  /// Text.
  case string(String)
  /// Values of one type.
  case array([GGUFValue])
}

extension GGUFValue {
  /// The types by their numbers, from the GGUF specification of the ggml project.
  enum Kind: UInt32 {
    case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array
    case uint64, int64, float64

    /// The fewest bytes that a value takes: what a claimed count is checked against.
    var leastByteCount: Int {
      switch self {
      case .uint8, .int8, .bool: 1
      case .uint16, .int16: 2
      case .uint32, .int32, .float32: 4
      case .string, .uint64, .int64, .float64: 8
      case .array: 12
      }
    }
  }
}
