/// Bob Jenkins's hash lookup3, which HDF5 takes as the checksum of its metadata.
///
/// Source of the algorithm: lookup3.c of May 2006, in the public domain, function `hashlittle`.
enum NativeChecksum {
  static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var a = 0xDEAD_BEEF &+ UInt32(truncatingIfNeeded: bytes.count)
    var (b, c) = (a, a)
    var position = 0
    while bytes.count - position > 12 {
      a &+= word(bytes, position)
      b &+= word(bytes, position + 4)
      c &+= word(bytes, position + 8)
      (a, b, c) = mixed(a, b, c)
      position += 12
    }
    guard position < bytes.count else { return c }
    var rest: (UInt32, UInt32, UInt32) = (0, 0, 0)
    withUnsafeMutableBytes(of: &rest) { $0.copyBytes(from: bytes[position...]) }
    a &+= UInt32(littleEndian: rest.0)
    b &+= UInt32(littleEndian: rest.1)
    c &+= UInt32(littleEndian: rest.2)
    return final(a, b, c)
  }

  private static func word(_ bytes: UnsafeRawBufferPointer, _ position: Int) -> UInt32 {
    UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))
  }

  private static func rotated(_ value: UInt32, _ count: UInt32) -> UInt32 {
    value << count | value >> (32 - count)
  }

  private static func mixed(
    _ a: UInt32, _ b: UInt32, _ c: UInt32
  ) -> (UInt32, UInt32, UInt32) {
    var (a, b, c) = (a, b, c)
    func step(_ x: inout UInt32, _ y: inout UInt32, _ z: inout UInt32, _ count: UInt32) {
      x = (x &- z) ^ rotated(z, count)
      z &+= y
    }
    step(&a, &b, &c, 4)
    step(&b, &c, &a, 6)
    step(&c, &a, &b, 8)
    step(&a, &b, &c, 16)
    step(&b, &c, &a, 19)
    step(&c, &a, &b, 4)
    return (a, b, c)
  }

  private static func final(_ a: UInt32, _ b: UInt32, _ c: UInt32) -> UInt32 {
    var (a, b, c) = (a, b, c)
    func step(_ x: inout UInt32, _ y: UInt32, _ count: UInt32) {
      x = (x ^ y) &- rotated(y, count)
    }
    step(&c, b, 14)
    step(&a, c, 11)
    step(&b, a, 25)
    step(&c, b, 16)
    step(&a, c, 4)
    step(&b, a, 14)
    step(&c, b, 24)
    return c
  }
}

extension NativeBytes {
  /// The checksum of these bytes.
  var checksum: UInt32 { withUnsafeBytes(NativeChecksum.of) }

  /// Checks the checksum that follows the first `count` bytes.
  func checkChecksum(after count: Int) throws {
    guard try number(at: count, as: UInt32.self) == part(from: 0, count: count).checksum else {
      throw HDF5Unread("a wrong checksum")
    }
  }
}
