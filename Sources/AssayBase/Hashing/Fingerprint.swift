/// A fast 64-bit hash by which equal bytes find each other.
///
/// Different bytes may share one: who relies on their being equal compares them.
package enum Fingerprint {
  /// The fingerprint of bytes, within this process.
  ///
  /// Four lanes of XXH64's round (github.com/Cyan4973/xxHash), whose multiplications overlap.
  package static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var lanes = (prime1 &+ prime2, prime2, 0 as UInt64, 0 &- prime1)
    let whole = bytes.count & ~31
    for start in stride(from: 0, to: whole, by: 32) {
      lanes.0 = round(lanes.0, bytes.word(at: start))
      lanes.1 = round(lanes.1, bytes.word(at: start + 8))
      lanes.2 = round(lanes.2, bytes.word(at: start + 16))
      lanes.3 = round(lanes.3, bytes.word(at: start + 24))
    }
    var hash = UInt64(bytes.count)
    for lane in [lanes.0, lanes.1, lanes.2, lanes.3] { hash = round(hash, lane) }
    for byte in bytes[whole...] { hash = round(hash, UInt64(byte)) }
    return hash ^ hash >> 32
  }

  private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
  private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F

  private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
    let sum = lane &+ word &* prime2
    return (sum << 31 | sum >> 33) &* prime1
  }
}

extension UnsafeRawBufferPointer {
  fileprivate func word(at start: Int) -> UInt64 {
    loadUnaligned(fromByteOffset: start, as: UInt64.self)
  }
}
