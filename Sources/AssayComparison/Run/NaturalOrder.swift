import AssayTensors

/// Sorts names as a reader counts: `inputs_2` before `inputs_10`.
enum NaturalOrder {
  static func precedes(_ left: String, _ right: String) -> Bool {
    let (a, b) = (Array(left.utf8), Array(right.utf8))
    var (i, j) = (0, 0)
    while i < a.count, j < b.count {
      if isDigit(a[i]), isDigit(b[j]) {
        let (first, second) = (digits(a, &i), digits(b, &j))
        if first.count != second.count { return first.count < second.count }
        if !first.elementsEqual(second) { return first.lexicographicallyPrecedes(second) }
      } else {
        if a[i] != b[j] { return a[i] < b[j] }
        i += 1
        j += 1
      }
    }
    if i < a.count || j < b.count { return j < b.count }
    return a.lexicographicallyPrecedes(b)
  }

  /// Inputs, outputs, inputs after the forward, then foreign names; each in natural order.
  static func precedes(_ left: Slot, _ right: Slot) -> Bool {
    let (first, second) = (rank(left), rank(right))
    return first == second ? precedes(left.rawValue, right.rawValue) : first < second
  }

  private static func rank(_ slot: Slot) -> Int {
    switch slot.side {
    case .inputs: 0
    case .outputs: 1
    case .postForwardInputs: 2
    case nil: 3
    }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  /// A run of digits without its leading zeros.
  private static func digits(_ bytes: [UInt8], _ position: inout Int) -> ArraySlice<UInt8> {
    let start = position
    while position < bytes.count, isDigit(bytes[position]) { position += 1 }
    return bytes[start..<position].drop { $0 == 0x30 }
  }
}
