import AssayBase
import Testing

@Suite struct FingerprintTests {
  private func fingerprint(_ bytes: [UInt8]) -> UInt64 {
    bytes.withUnsafeBytes { Fingerprint.of($0) }
  }

  /// Lengths around the 32 bytes that are taken at once.
  @Test(arguments: [0, 1, 7, 31, 32, 33, 64, 100])
  func everyBitAndTheLengthCount(length: Int) {
    let bytes = (0..<length).map { UInt8($0) }
    var seen: Set = [fingerprint(bytes), fingerprint(bytes + [0])]
    #expect(fingerprint(bytes) == fingerprint(bytes))
    for i in bytes.indices {
      for bit in 0..<8 {
        var changed = bytes
        changed[i] ^= 1 << bit
        seen.insert(fingerprint(changed))
      }
    }
    #expect(seen.count == 2 + 8 * length)
  }

  @Test func zerosOfDifferentLengthsDiffer() {
    let seen = Set((0..<200).map { fingerprint([UInt8](repeating: 0, count: $0)) })
    #expect(seen.count == 200)
  }
}
