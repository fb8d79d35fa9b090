/// Names of modules and slots as names of HDF5's links.
///
/// `/`, `%` and NUL cannot stand in a link's name, nor can a leading `.`, which would mean the group
/// itself; they are written as `%` and two hexadecimal digits.
package enum DiskName {
  /// The name of the link.
  package static func encode(_ name: String) -> String {
    var encoded: [UInt8] = []
    for (position, byte) in name.utf8.enumerated() {
      switch byte {
      case 0x00, UInt8(ascii: "/"), UInt8(ascii: "%"): encoded += escape(byte)
      case UInt8(ascii: ".") where position == 0: encoded += escape(byte)
      default: encoded.append(byte)
      }
    }
    return String(decoding: encoded, as: UTF8.self)
  }

  /// The name that was encoded, also as a file's by ``FileName``; a `%` that no two hexadecimal digits follow stays as it is.
  package static func decode(_ encoded: String) -> String {
    guard encoded.utf8.contains(UInt8(ascii: "%")) else { return encoded }
    let bytes = Array(encoded.utf8)
    var decoded: [UInt8] = []
    var position = 0
    while position < bytes.count {
      if bytes[position] == UInt8(ascii: "%"), position + 2 < bytes.count,
        let high = Character(UnicodeScalar(bytes[position + 1])).hexDigitValue,
        let low = Character(UnicodeScalar(bytes[position + 2])).hexDigitValue
      {
        decoded.append(UInt8(high << 4 | low))
        position += 3
      } else {
        decoded.append(bytes[position])
        position += 1
      }
    }
    return String(decoding: decoded, as: UTF8.self)
  }

  static func escape(_ byte: UInt8) -> [UInt8] {
    let digits = Array("0123456789ABCDEF".utf8)
    return [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
  }
}
