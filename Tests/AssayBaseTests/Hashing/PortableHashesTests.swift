import AssayBase
import CAssayHashes
import Testing

/// What stands for libcrypto and libdeflate where they are not.
@Suite struct PortableHashesTests {
  /// FIPS 180-2, appendix B, and the hash of nothing.
  @Test(arguments: [
    ([UInt8]("abc".utf8), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ([], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    (
      [UInt8]("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      [UInt8](repeating: 0x61, count: 1_000_000),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
  ])
  func theStandardsExamplesHash(bytes: [UInt8], digest: String) {
    #expect(sha256(bytes, pieces: bytes.count) == digest)
    #expect(sha256(bytes, pieces: 61) == digest)
  }

  /// Every size around the blocks, as libcrypto hashes it, however it is cut.
  @Test func everySizeHashesAsByThePlatform() {
    let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
    for count in 0...bytes.count {
      let part = Array(bytes.prefix(count))
      let expected = AssayBase.SHA256.hash(part).hexadecimal
      #expect(sha256(part, pieces: 1 + count % 70) == expected)
    }
  }

  /// The check value of CRC-32/ISO-HDLC, and that of a text in pieces of any size.
  @Test func theCheckValueIsThatOfTheStandard() {
    #expect(assay_crc32(0, "123456789", 9) == 0xCBF4_3926)
    #expect(assay_crc32(0, "", 0) == 0)
    let text = [UInt8]("The quick brown fox jumps over the lazy dog".utf8)
    for cut in 0...text.count {
      let first = assay_crc32(0, Array(text[..<cut]), cut)
      #expect(assay_crc32(first, Array(text[cut...]), text.count - cut) == 0x414F_A339)
    }
  }

  private func sha256(_ bytes: [UInt8], pieces: Int) -> String {
    var hash = assay_sha256()
    assay_sha256_begin(&hash)
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = Array(rest.prefix(max(pieces, 1)))
      assay_sha256_update(&hash, piece, piece.count)
      rest = rest.dropFirst(piece.count)
    }
    var digest = [UInt8](repeating: 0, count: 32)
    assay_sha256_end(&hash, &digest)
    return digest.hexadecimal
  }
}
