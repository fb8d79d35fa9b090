internal import CAssayKernels

/// Rounds float32 values to the 16-bit formats: to nearest, ties to even, NaN kept.
package enum FloatConversion {
  /// Rounds to bfloat16 bits.
  package static func roundToBFloat16(
    _ source: UnsafePointer<Float>, count: Int, into target: UnsafeMutablePointer<UInt16>,
    using instructions: InstructionSet = .best
  ) {
    assay_f32_to_bf16(instructions.rawValue, source, count, target)
  }

  /// Rounds to float16 bits; values from 65520 on become infinite.
  package static func roundToFloat16(
    _ source: UnsafePointer<Float>, count: Int, into target: UnsafeMutablePointer<UInt16>,
    using instructions: InstructionSet = .best
  ) {
    assay_f32_to_f16(instructions.rawValue, source, count, target)
  }

  /// Replaces each value by the nearest bfloat16 value.
  package static func roundInPlaceToBFloat16(
    _ values: UnsafeMutablePointer<Float>, count: Int, using instructions: InstructionSet = .best
  ) {
    assay_round_to_bf16(instructions.rawValue, values, count)
  }

  /// Replaces each value by the nearest float16 value.
  package static func roundInPlaceToFloat16(
    _ values: UnsafeMutablePointer<Float>, count: Int, using instructions: InstructionSet = .best
  ) {
    assay_round_to_f16(instructions.rawValue, values, count)
  }
}
