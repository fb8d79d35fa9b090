/// One of the two runs.
enum RunSide: String, Sendable, CaseIterable {
  case actual, expected

  var other: RunSide { self == .actual ? .expected : .actual }
}

/// A value for each of the two runs.
struct BothSides<Value> {
  var actual: Value
  var expected: Value

  subscript(side: RunSide) -> Value {
    get { side == .actual ? actual : expected }
    // In place: what a side has gathered is not copied whenever something is added to it.
    _modify {
      if side == .actual { yield &actual } else { yield &expected }
    }
  }
}

extension BothSides: Sendable where Value: Sendable {}
