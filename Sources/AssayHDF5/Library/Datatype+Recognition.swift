#if SystemLibraries
internal import AssayTensors
internal import CHDF5

extension Datatype {
  /// Recognises a type from its parts, or returns `nil`.
  static func recognize(_ type: hid_t) -> Recognized? {
    switch H5Tget_class(type) {
    case H5T_INTEGER: integer(type)
    case H5T_FLOAT: float(type)
    case H5T_ENUM: boolean(type)
    case H5T_COMPOUND: complex(type)
    default: nil
    }
  }

  /// A type in words, for messages.
  static func describe(_ type: hid_t) -> String {
    let size = H5Tget_size(type)
    let name =
      switch H5Tget_class(type) {
      case H5T_INTEGER: "an integer"
      case H5T_FLOAT: "a float"
      case H5T_ENUM: "an enumeration"
      case H5T_COMPOUND: "a compound"
      case H5T_STRING: "a string"
      case H5T_VLEN: "a variable-length sequence"
      case H5T_REFERENCE: "a reference"
      case H5T_ARRAY: "an array"
      default: "an opaque type"
      }
    return "\(name) of \(size) bytes"
  }

  private static func isBigEndian(_ type: hid_t) -> Bool? {
    switch H5Tget_order(type) {
    case H5T_ORDER_LE: false
    case H5T_ORDER_BE: true
    default: nil
    }
  }

  private static func fillsItsBytes(_ type: hid_t) -> Bool {
    H5Tget_offset(type) == 0 && H5Tget_precision(type) == 8 * H5Tget_size(type)
  }

  private static func integer(_ type: hid_t) -> Recognized? {
    guard fillsItsBytes(type), let isBigEndian = isBigEndian(type) else { return nil }
    return integer(
      byteCount: H5Tget_size(type), isSigned: H5Tget_sign(type) == H5T_SGN_2,
      isBigEndian: isBigEndian)
  }

  private static func float(_ type: hid_t) -> Recognized? {
    var (sign, exponent, exponentSize, fraction, fractionSize) = (0, 0, 0, 0, 0)
    guard fillsItsBytes(type), let isBigEndian = isBigEndian(type),
      H5Tget_norm(type) == H5T_NORM_IMPLIED,
      H5Tget_fields(type, &sign, &exponent, &exponentSize, &fraction, &fractionSize) >= 0,
      fraction == 0, exponent == fractionSize, sign == exponent + exponentSize,
      sign + 1 == 8 * H5Tget_size(type)
    else { return nil }
    let format = FloatFormat(
      exponentBits: exponentSize, fractionBits: fractionSize, bias: H5Tget_ebias(type))
    return float(format, isBigEndian: isBigEndian)
  }

  private static func boolean(_ type: hid_t) -> Recognized? {
    guard H5Tget_size(type) == 1, H5Tget_nmembers(type) == 2 else { return nil }
    for (name, expected) in [("FALSE", UInt8(0)), ("TRUE", 1)] {
      var value: UInt8 = 255
      guard H5Tenum_valueof(type, name, &value) >= 0, value == expected else { return nil }
    }
    return Recognized(dtypes: [.bool], isBigEndian: false)
  }

  private static func complex(_ type: hid_t) -> Recognized? {
    guard H5Tget_nmembers(type) == 2 else { return nil }
    var parts: [Recognized] = []
    for (index, name) in ["r", "i"].enumerated() {
      guard let found = H5Tget_member_name(type, UInt32(index)) else { return nil }
      defer { H5free_memory(found) }
      guard String(cString: found) == name,
        let member = try? Handle(
          H5Tget_member_type(type, UInt32(index)), .datatype, "read a compound"),
        H5Tget_member_offset(type, UInt32(index)) == index * H5Tget_size(member.id),
        H5Tget_size(type) == 2 * H5Tget_size(member.id),
        H5Tget_class(member.id) == H5T_FLOAT, let part = float(member.id)
      else { return nil }
      parts.append(part)
    }
    guard parts.count == 2, parts[0] == parts[1] else { return nil }
    return complex(of: parts[0])
  }
}
#endif
