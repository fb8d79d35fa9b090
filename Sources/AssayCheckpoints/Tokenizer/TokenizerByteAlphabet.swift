/// GPT-2's alphabet: every byte has a printable character of its own.
enum ByteAlphabet {
  /// The byte that a character of the alphabet stands for.
  static let bytes: [Unicode.Scalar: UInt8] = {
    var bytes: [Unicode.Scalar: UInt8] = [:]
    var next: UInt32 = 0x100
    for byte in UInt8.min...UInt8.max {
      // Printable Latin-1 stands for itself, all the rest for what follows Latin-1.
      let isPrintable = (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || byte > 0xAD
      if isPrintable {
        bytes[Unicode.Scalar(byte)] = byte
      } else if let scalar = Unicode.Scalar(next) {
        bytes[scalar] = byte
        next += 1
      }
    }
    return bytes
  }()

  /// The bytes that a token stands for, or `nil` where it has a character outside the alphabet.
  static func bytes(of token: String) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(token.utf8.count)
    for scalar in token.unicodeScalars {
      guard let byte = bytes[scalar] else { return nil }
      result.append(byte)
    }
    return result
  }

  /// The bytes that a token adds to decoded text: its own UTF-8 if it is not of the alphabet.
  static func decodedBytes(of token: String) -> [UInt8] {
    bytes(of: token) ?? Array(token.utf8)
  }
}
