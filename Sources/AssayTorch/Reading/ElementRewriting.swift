package import AssayTensors

extension Storage {
  /// A copy in which the bytes of each whole unit of `width` bytes are reversed.
  ///
  /// - Parameter start: The first byte that is copied; at most as many as there are.
  package func swapped(width: Int, from start: Int = 0) -> Storage {
    withUnsafeBytes { whole in
      let source = UnsafeRawBufferPointer(rebasing: whole[start...])
      return Storage(byteCount: source.count) { target in
        func swap<Unit: FixedWidthInteger & BitwiseCopyable>(_ unit: Unit.Type) {
          let size = MemoryLayout<Unit>.size
          for offset in stride(from: 0, through: source.count - size, by: size) {
            let value = source.loadUnaligned(fromByteOffset: offset, as: unit)
            target.storeBytes(of: value.byteSwapped, toByteOffset: offset, as: unit)
          }
        }
        switch width {
        case 2: swap(UInt16.self)
        case 4: swap(UInt32.self)
        case 8: swap(UInt64.self)
        default: target.copyMemory(from: source)
        }
      }
    }
  }
}

extension DType {
  /// Whether every element has its negative, which differs from it in the sign's bit or is its two's
  /// complement.
  var isNegatable: Bool {
    switch self {
    case .bool, .float8_e4m3fnuz, .float8_e5m2fnuz, .float8_e8m0fnu, .float4_e2m1fn_x2: false
    default: true
    }
  }
}

extension Tensor {
  /// An owned, contiguous copy with conjugated or negated elements.
  ///
  /// torch marks such views instead of changing them, and saves the mark beside the old bytes.
  func resolved(conjugating: Bool, negating: Bool) -> Tensor {
    let storage = Storage(byteCount: byteCount) { buffer in
      copyBytes(to: buffer)
      let width = dtype.scalarByteCount
      guard dtype.isComplex || dtype.isFloatingPoint else { return negate(buffer, width: width) }
      // Conjugating changes the sign of every second unit, negating that of all.
      for unit in 0..<buffer.count / width {
        let flips = negating != (conjugating && !unit.isMultiple(of: 2))
        if flips { buffer[unit * width + width - 1] ^= 0x80 }
      }
    }
    return Tensor(uncheckedStorage: storage, dtype: dtype, shape: shape, device: device)
  }

  /// An owned, contiguous bfloat16 copy of a float32 tensor, rounded to the nearest even.
  ///
  /// Of numbers that bfloat16 holds, NaNs with payload among them, it gives these very bits.
  func narrowedToBFloat16() -> Tensor {
    let storage = withContiguousBytes { source in
      Storage(byteCount: source.count / 2) { target in
        for index in 0..<source.count / 4 {
          let bits = source.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)
          let isNaN = bits & 0x7FFF_FFFF > 0x7F80_0000
          var upper = UInt16(truncatingIfNeeded: bits >> 16)
          if bits & 0xFFFF != 0 {
            upper =
              isNaN
              ? upper | 0x40
              : UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
          }
          target.storeBytes(of: upper, toByteOffset: index * 2, as: UInt16.self)
        }
      }
    }
    return Tensor(uncheckedStorage: storage, dtype: .bfloat16, shape: shape, device: device)
  }

  private func negate(_ buffer: UnsafeMutableRawBufferPointer, width: Int) {
    func negate<Unit: FixedWidthInteger & BitwiseCopyable>(_ unit: Unit.Type) {
      for offset in stride(from: 0, to: buffer.count, by: width) {
        let value = buffer.loadUnaligned(fromByteOffset: offset, as: unit)
        buffer.storeBytes(of: 0 &- value, toByteOffset: offset, as: unit)
      }
    }
    switch width {
    case 1: negate(UInt8.self)
    case 2: negate(UInt16.self)
    case 4: negate(UInt32.self)
    default: negate(UInt64.self)
    }
  }
}
