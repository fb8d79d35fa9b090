package import AssayBase

extension NaturalOrder {
  /// Inputs, outputs, inputs after the forward, then foreign names; each in natural order.
  package static func precedes(_ left: Slot, _ right: Slot) -> Bool {
    let (first, second) = (rank(left), rank(right))
    return first == second ? precedes(left.rawValue, right.rawValue) : first < second
  }

  private static func rank(_ slot: Slot) -> Int {
    slot.side.flatMap(Slot.Side.allCases.firstIndex) ?? Slot.Side.allCases.count
  }
}
