/// A tensor of a GGUF file, whose elements are still in the file's blocks.
package struct GGUFTensor: Hashable, Sendable {
  /// Its name, such as `blk.0.attn_q.weight`.
  package let name: String
  /// How its elements are packed.
  package let type: BlockType
  /// Its shape in PyTorch's order: the last axis is contiguous.
  package let shape: [Int]
  /// Where its blocks are in the file.
  let byteRange: Range<Int>

  /// How elements are packed into blocks; numbers and layouts are those of the ggml project.
  package enum BlockType: UInt32, CaseIterable, Sendable {
    /// 32-bit numbers.
    case f32 = 0
    /// 16-bit IEEE numbers.
    case f16 = 1
    /// 32 elements of 4 bits with a scale: `d * (q - 8)`.
    case q4_0 = 2
    /// 32 elements of 4 bits with a scale and a minimum: `d * q + m`.
    case q4_1 = 3
    /// 32 elements of 8 bits with a scale: `d * q`.
    case q8_0 = 8
    /// 256 elements of 6 bits with 16 scales of 8 bits and one of 16: `d * s * (q - 32)`.
    case q6_k = 14
    /// The upper halves of 32-bit numbers.
    case bf16 = 30

    /// The elements of a block.
    var elementCount: Int {
      switch self {
      case .f32, .f16, .bf16: 1
      case .q4_0, .q4_1, .q8_0: 32
      case .q6_k: 256
      }
    }

    /// The bytes of a block.
    var byteCount: Int {
      switch self {
      case .f32: 4
      case .f16, .bf16: 2
      case .q4_0: 18
      case .q4_1: 20
      case .q8_0: 34
      case .q6_k: 210
      }
    }

    /// The type's name, as llama.cpp writes it.
    var name: String { "\(self)".uppercased() }

    /// The name of a type by its number, also of one that is not read here.
    static func name(of number: UInt32) -> String {
      if let type = BlockType(rawValue: number) { return type.name }
      let others: [UInt32: String] = [
        6: "Q5_0", 7: "Q5_1", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K",
        15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL",
        21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64",
        28: "F64", 29: "IQ1_M", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
      ]
      return others[number] ?? "type \(number)"
    }
  }
}

extension GGUFTensor.BlockType {
  /// Writes the elements of whole blocks as float32, rounding as ggml's reference does: every
  /// product and sum to float32.
  func unpack(_ blocks: UnsafeRawBufferPointer, into target: UnsafeMutablePointer<Float>) {
    let count = blocks.count / byteCount
    for block in 0..<count {
      let start = block * byteCount
      let output = target + block * elementCount
      func half(_ offset: Int) -> Float {
        let bits = blocks.loadUnaligned(fromByteOffset: start + offset, as: UInt16.self)
        return Float(Float16(bitPattern: UInt16(littleEndian: bits)))
      }
      switch self {
      case .f32:
        let bits = blocks.loadUnaligned(fromByteOffset: start, as: UInt32.self)
        output[0] = Float(bitPattern: UInt32(littleEndian: bits))
      case .f16: output[0] = half(0)
      case .bf16:
        let bits = blocks.loadUnaligned(fromByteOffset: start, as: UInt16.self)
        output[0] = Float(bitPattern: UInt32(UInt16(littleEndian: bits)) << 16)
      case .q4_0:
        let scale = half(0)
        for i in 0..<16 {
          let pair = blocks[start + 2 + i]
          output[i] = scale * Float(Int(pair & 15) - 8)
          output[i + 16] = scale * Float(Int(pair >> 4) - 8)
        }
      case .q4_1:
        let (scale, minimum) = (half(0), half(2))
        for i in 0..<16 {
          let pair = blocks[start + 4 + i]
          output[i] = scale * Float(pair & 15) + minimum
          output[i + 16] = scale * Float(pair >> 4) + minimum
        }
      case .q8_0:
        let scale = half(0)
        for i in 0..<32 {
          output[i] = scale * Float(Int8(bitPattern: blocks[start + 2 + i]))
        }
      case .q6_k: unpackQ6K(blocks, start, scale: half(208), into: output)
      }
    }
  }

  /// Unpacks one block: 128 bytes of low nibbles, 64 of high pairs of bits, 16 scales, one for all.
  ///
  /// Each half of the block interleaves four runs of 32 elements.
  private func unpackQ6K(
    _ blocks: UnsafeRawBufferPointer, _ start: Int, scale: Float,
    into output: UnsafeMutablePointer<Float>
  ) {
    for half in 0..<2 {
      let low = start + half * 64
      let high = start + 128 + half * 32
      let scales = start + 192 + half * 8
      for run in 0..<4 {
        for i in 0..<32 {
          let nibbles = blocks[low + (run & 1) * 32 + i]
          let nibble = run < 2 ? nibbles & 15 : nibbles >> 4
          let pair = blocks[high + i] >> UInt8(2 * run) & 3
          let own = Int8(bitPattern: blocks[scales + 2 * run + i / 16])
          output[half * 128 + run * 32 + i] =
            scale * Float(own) * Float(Int(nibble | pair << 4) - 32)
        }
      }
    }
  }
}
