/// The decimal digits of integers that no machine word holds.
enum BigDecimal {
  /// The digits of a two's complement, little-endian integer.
  ///
  /// - Complexity: Quadratic in the number of bytes.
  static func text(twosComplement bytes: [UInt8]) -> String {
    let isNegative = (bytes.last ?? 0) >= 0x80
    var digits: [UInt64] = [0]
    for start in stride(from: (bytes.count - 1) / 4 * 4, through: 0, by: -4) {
      var word: UInt32 = 0
      for position in start..<start + 4 {
        let byte = position < bytes.count ? bytes[position] : isNegative ? 0xFF : 0
        word |= UInt32(byte) << (8 * UInt32(position - start))
      }
      // The magnitude of a negative integer is its complement and 1.
      multiply(&digits, by: 1 << 32, adding: UInt64(isNegative ? ~word : word))
    }
    if isNegative { multiply(&digits, by: 1, adding: 1) }
    let rest = digits.dropLast().reversed().map { digit in
      let text = String(digit)
      return String(repeating: "0", count: 9 - text.count) + text
    }
    return (isNegative ? "-" : "") + String(digits[digits.count - 1]) + rest.joined()
  }

  /// Changes an integer that is written to the base of 10^9, lowest digit first.
  private static func multiply(_ digits: inout [UInt64], by factor: UInt64, adding term: UInt64) {
    var carry = term
    for index in digits.indices {
      let value = digits[index] * factor + carry
      digits[index] = value % 1_000_000_000
      carry = value / 1_000_000_000
    }
    while carry > 0 {
      digits.append(carry % 1_000_000_000)
      carry /= 1_000_000_000
    }
  }
}
