// What the changed sources call. `assayIs` also notes that the place was reached.

@_silgen_name("assay_mutant_is") package func assayIs(_ number: Int) -> Bool

package func assayRuns(_ number: Int) -> Bool {
  !assayIs(number)
}
package func assayNever(_ number: Int, _ holds: Bool) -> Bool {
  assayIs(number) ? false : holds
}
package func assayAlways(_ number: Int, _ holds: Bool) -> Bool {
  assayIs(number) ? true : holds
}
package func assayInverted(_ number: Int, _ holds: Bool) -> Bool {
  assayIs(number) != holds
}
package func assayKept(_ number: Int, _ holds: Bool) -> Bool {
  assayIs(number) != holds
}
package func assayNothing<T>(_ number: Int, _ value: T?) -> T? {
  assayIs(number) ? nil : value
}
package func assayNumber<T>(_ number: Int, _ value: T, _ other: T) -> T {
  assayIs(number) ? other : value
}

package func assayLess<T: Comparable>(_ number: Int, _ a: T, _ b: T) -> Bool {
  assayIs(number) ? a <= b : a < b
}
package func assayLess<T: Comparable, U: Comparable>(
  _ number: Int, _ a: (T, U), _ b: (T, U)
) -> Bool {
  assayIs(number) ? a <= b : a < b
}
package func assayLess<T: Comparable, U: Comparable, V: Comparable>(
  _ number: Int, _ a: (T, U, V), _ b: (T, U, V)
) -> Bool {
  assayIs(number) ? a <= b : a < b
}
package func assayAtMost<T: Comparable>(_ number: Int, _ a: T, _ b: T) -> Bool {
  assayIs(number) ? a < b : a <= b
}
package func assayAtMost<T: Comparable, U: Comparable>(
  _ number: Int, _ a: (T, U), _ b: (T, U)
) -> Bool {
  assayIs(number) ? a < b : a <= b
}
package func assayAtMost<T: Comparable, U: Comparable, V: Comparable>(
  _ number: Int, _ a: (T, U, V), _ b: (T, U, V)
) -> Bool {
  assayIs(number) ? a < b : a <= b
}
package func assayGreater<T: Comparable>(_ number: Int, _ a: T, _ b: T) -> Bool {
  assayIs(number) ? a >= b : a > b
}
package func assayGreater<T: Comparable, U: Comparable>(
  _ number: Int, _ a: (T, U), _ b: (T, U)
) -> Bool {
  assayIs(number) ? a >= b : a > b
}
package func assayGreater<T: Comparable, U: Comparable, V: Comparable>(
  _ number: Int, _ a: (T, U, V), _ b: (T, U, V)
) -> Bool {
  assayIs(number) ? a >= b : a > b
}
package func assayAtLeast<T: Comparable>(_ number: Int, _ a: T, _ b: T) -> Bool {
  assayIs(number) ? a > b : a >= b
}
package func assayAtLeast<T: Comparable, U: Comparable>(
  _ number: Int, _ a: (T, U), _ b: (T, U)
) -> Bool {
  assayIs(number) ? a > b : a >= b
}
package func assayAtLeast<T: Comparable, U: Comparable, V: Comparable>(
  _ number: Int, _ a: (T, U, V), _ b: (T, U, V)
) -> Bool {
  assayIs(number) ? a > b : a >= b
}

package func assayAnd(
  _ or: Int, _ left: Int, _ right: Int, _ a: Bool, _ b: @autoclosure () throws -> Bool
) rethrows -> Bool {
  if assayIs(or) { return try a || b() }
  if assayIs(left) { return a }
  if assayIs(right) { return try b() }
  return try a && b()
}
package func assayOr(
  _ and: Int, _ left: Int, _ right: Int, _ a: Bool, _ b: @autoclosure () throws -> Bool
) rethrows -> Bool {
  if assayIs(and) { return try a && b() }
  if assayIs(left) { return a }
  if assayIs(right) { return try b() }
  return try a || b()
}
package func assayBoolDefault(_ number: Int, _ a: Bool?, _ b: Bool) -> Bool {
  assayIs(number) ? b : a ?? b
}
package func assayDefault<T>(
  _ number: Int, _ a: T?, _ b: @autoclosure () throws -> T
) rethrows -> T {
  if assayIs(number) { return try b() }
  return try a ?? b()
}
package func assayDefault<T>(
  _ number: Int, _ a: T?, _ b: @autoclosure () throws -> T?
) rethrows -> T? {
  if assayIs(number) { return try b() }
  return try a ?? b()
}

package func assayPlus<T: AdditiveArithmetic>(_ number: Int, _ a: T, _ b: T) -> T {
  assayIs(number) ? a - b : a + b
}
package func assayPlus<T: SIMD>(_ number: Int, _ a: T, _ b: T) -> T where T.Scalar: FloatingPoint {
  assayIs(number) ? a - b : a + b
}
package func assayPlus<T: RangeReplaceableCollection>(_ number: Int, _ a: T, _ b: T) -> T {
  assayIs(number) ? a : a + b
}
package func assayMinus<T: AdditiveArithmetic>(_ other: Int, _ swapped: Int, _ a: T, _ b: T) -> T {
  assayIs(other) ? a + b : assayIs(swapped) ? b - a : a - b
}
package func assayMinus<T: SIMD>(_ other: Int, _ swapped: Int, _ a: T, _ b: T) -> T
where T.Scalar: FloatingPoint {
  assayIs(other) ? a + b : assayIs(swapped) ? b - a : a - b
}
package func assayTimes<T: FloatingPoint>(_ number: Int, _ a: T, _ b: T) -> T {
  assayIs(number) ? a / b : a * b
}
package func assayOver<T: FloatingPoint>(_ other: Int, _ swapped: Int, _ a: T, _ b: T) -> T {
  assayIs(other) ? a * b : assayIs(swapped) ? b / a : a / b
}
package func assayTimes<T: BinaryInteger>(_ number: Int, _ a: T, _ b: T) -> T {
  assayIs(number) ? a / b : a * b
}
package func assayOver<T: BinaryInteger>(_ other: Int, _ swapped: Int, _ a: T, _ b: T) -> T {
  assayIs(other) ? a * b : assayIs(swapped) ? b / a : a / b
}
package func assayTimes<T: SIMD>(_ number: Int, _ a: T, _ b: T) -> T where T.Scalar: FloatingPoint {
  assayIs(number) ? a / b : a * b
}
package func assayOver<T: SIMD>(_ other: Int, _ swapped: Int, _ a: T, _ b: T) -> T
where T.Scalar: FloatingPoint {
  assayIs(other) ? a * b : assayIs(swapped) ? b / a : a / b
}
package func assayWrappingPlus<T: FixedWidthInteger>(_ number: Int, _ a: T, _ b: T) -> T {
  assayIs(number) ? a &- b : a &+ b
}
package func assayWrappingMinus<T: FixedWidthInteger>(_ number: Int, _ a: T, _ b: T) -> T {
  assayIs(number) ? a &+ b : a &- b
}
package func assayMin<T: Comparable>(_ number: Int, _ a: T, _ b: T) -> T {
  assayIs(number) ? max(a, b) : min(a, b)
}
package func assayMax<T: Comparable>(_ number: Int, _ a: T, _ b: T) -> T {
  assayIs(number) ? min(a, b) : max(a, b)
}

extension Sequence {
  package func assayAllSatisfy(_ number: Int, _ holds: (Element) throws -> Bool) rethrows -> Bool {
    try assayIs(number) ? contains(where: holds) : allSatisfy(holds)
  }
  package func assayFilter(_ number: Int, _ holds: (Element) throws -> Bool) rethrows -> [Element] {
    try filter { try assayIs(number) || holds($0) }
  }
  package func assaySorted(
    _ number: Int, by isBefore: (Element, Element) throws -> Bool
  ) rethrows -> [Element] {
    let sorted = try sorted(by: isBefore)
    return assayIs(number) ? sorted.reversed() : sorted
  }
  package func assayReversed(_ number: Int) -> [Element] {
    assayIs(number) ? Array(self) : reversed()
  }
  package func assayMin(
    _ number: Int, by isLess: (Element, Element) throws -> Bool
  ) rethrows -> Element? {
    try assayIs(number) ? self.max(by: isLess) : self.min(by: isLess)
  }
  package func assayMax(
    _ number: Int, by isLess: (Element, Element) throws -> Bool
  ) rethrows -> Element? {
    try assayIs(number) ? self.min(by: isLess) : self.max(by: isLess)
  }
}
extension Sequence where Element: Comparable {
  package func assaySorted(_ number: Int) -> [Element] {
    let sorted = sorted()
    return assayIs(number) ? sorted.reversed() : sorted
  }
  package func assayMin(_ number: Int) -> Element? { assayIs(number) ? self.max() : self.min() }
  package func assayMax(_ number: Int) -> Element? { assayIs(number) ? self.min() : self.max() }
}
extension Dictionary {
  package func assayFilter(
    _ number: Int, _ holds: (Element) throws -> Bool
  ) rethrows -> [Key: Value] {
    try filter { try assayIs(number) || holds($0) }
  }
}
extension Set {
  package func assayFilter(_ number: Int, _ holds: (Element) throws -> Bool) rethrows -> Set<
    Element
  > {
    try filter { try assayIs(number) || holds($0) }
  }
}
