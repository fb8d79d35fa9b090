/// The decimal digits of integers that no machine word holds.
enum BigDecimal {
  /// The digits of a two's complement, little-endian integer.
  ///
  /// - Complexity: Quadratic in the number of bytes.
  static func text(twosComplement bytes: some BidirectionalCollection<UInt8>) -> String {
    let isNegative = (bytes.last ?? 0) >= 0x80
    // Digits of base 10^9, the lowest first; the magnitude of a negative one is its complement + 1.
    var digits: [UInt32] = [0]
    func append(_ byte: UInt8, to digits: inout [UInt32]) {
      var carry = UInt64(byte)
      for index in digits.indices {
        let value = UInt64(digits[index]) << 8 + carry
        digits[index] = UInt32(value % 1_000_000_000)
        carry = value / 1_000_000_000
      }
      if carry > 0 { digits.append(UInt32(carry)) }
    }
    for byte in bytes.reversed() { append(isNegative ? ~byte : byte, to: &digits) }
    if isNegative {
      var index = 0
      digits[0] += 1
      while digits[index] == 1_000_000_000 {
        digits[index] = 0
        index += 1
        if index == digits.count { digits.append(0) }
        digits[index] += 1
      }
    }
    let rest = digits.dropLast().reversed().map { digit in
      let text = String(digit)
      return String(repeating: "0", count: 9 - text.count) + text
    }
    return (isNegative ? "-" : "") + String(digits[digits.count - 1]) + rest.joined()
  }
}
