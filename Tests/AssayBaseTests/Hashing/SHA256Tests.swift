import AssayBase
import Testing

/// The expected hashes are those of FIPS 180-4's published examples.
struct SHA256Tests {
  static let examples = [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      String(repeating: "a", count: 1_000_000),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
  ]

  @Test(arguments: examples)
  func publishedExamplesMatch(text: String, expected: String) {
    #expect(SHA256.hash(text.utf8).hexadecimal == expected)
  }

  @Test(arguments: examples, [1, 7, 64, 4096])
  func piecesMakeTheSameHash(_ example: (text: String, expected: String), length: Int) {
    let hash = SHA256()
    let bytes = Array(example.text.utf8)
    guard bytes.count < 100 || length > 1 else { return }
    for start in stride(from: 0, to: bytes.count, by: length) {
      bytes[start..<min(start + length, bytes.count)].withUnsafeBytes { hash.update($0) }
    }
    #expect(hash.finalize().hexadecimal == example.expected)
  }
}
