/// Writes any JSON value, as Foundation writes it with sorted keys and slashes as they are.
struct JSONWriter {
  private(set) var text: [UInt8] = []
  private let isPretty: Bool

  init(isPretty: Bool) {
    self.isPretty = isPretty
  }

  mutating func write(_ value: JSONValue, depth: Int = 0) {
    switch value {
    case .null: text += "null".utf8
    case .bool(let value): text += (value ? "true" : "false").utf8
    case .integer(let value): text += value.description.utf8
    case .number(let value): write(value)
    case .string(let value): write(value)
    case .array(let items):
      list(items, "[", "]", depth: depth) { $0.write($1, depth: depth + 1) }
    case .object(let members):
      let sorted = members.map { (key: ExactName($0.key), value: $0.value) }
        .sorted { $0.key < $1.key }
      list(sorted, "{", "}", depth: depth) { writer, member in
        writer.write(member.key.text)
        writer.text += (writer.isPretty ? " : " : ":").utf8
        writer.write(member.value, depth: depth + 1)
      }
    }
  }

  private mutating func list<Item>(
    _ items: [Item], _ open: String, _ close: String, depth: Int,
    _ write: (inout JSONWriter, Item) -> Void
  ) {
    text += open.utf8
    for (position, item) in items.enumerated() {
      if position > 0 { text.append(UInt8(ascii: ",")) }
      newLine(depth + 1)
      write(&self, item)
    }
    if items.isEmpty, isPretty { text.append(UInt8(ascii: "\n")) }
    newLine(depth)
    text += close.utf8
  }

  private mutating func newLine(_ depth: Int) {
    guard isPretty else { return }
    text.append(UInt8(ascii: "\n"))
    text += repeatElement(UInt8(ascii: " "), count: 2 * depth)
  }

  private mutating func write(_ value: Double) {
    guard value.isFinite else {
      write(value.isNaN ? "nan" : value < 0 ? "-inf" : "inf")
      return
    }
    let digits = value.description
    text += (digits.hasSuffix(".0") ? digits.dropLast(2) : digits[...]).utf8
  }

  private mutating func write(_ string: String) {
    text.append(UInt8(ascii: "\""))
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""): text += "\\\"".utf8
      case UInt8(ascii: "\\"): text += "\\\\".utf8
      case 0x08: text += "\\b".utf8
      case 0x09: text += "\\t".utf8
      case 0x0A: text += "\\n".utf8
      case 0x0C: text += "\\f".utf8
      case 0x0D: text += "\\r".utf8
      case 0..<0x20: text += "\\u00\([byte].hexadecimal)".utf8
      default: text.append(byte)
      }
    }
    text.append(UInt8(ascii: "\""))
  }
}
