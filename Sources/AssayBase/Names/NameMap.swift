/// A dictionary whose keys are told apart by their bytes.
package struct NameMap<Value> {
  private var table: [ExactName: Value] = [:]

  /// Makes an empty map.
  package init() {}

  /// Makes a map of pairs; of two with one key the later is kept.
  package init(_ pairs: some Sequence<(key: String, value: Value)>) {
    for (key, value) in pairs { table[ExactName(key)] = value }
  }

  /// The value of a key, or `nil` where there is none.
  package subscript(key: String) -> Value? {
    get { table[ExactName(key)] }
    set { table[ExactName(key)] = newValue }
  }

  /// The value of a key, or another one where there is none.
  package subscript(key: String, default value: @autoclosure () -> Value) -> Value {
    get { table[ExactName(key), default: value()] }
    set { table[ExactName(key)] = newValue }
    _modify { yield &table[ExactName(key), default: value()] }
  }

  /// Sets a key's value.
  ///
  /// - Returns: The one that it had before.
  @discardableResult
  package mutating func updateValue(_ value: Value, forKey key: String) -> Value? {
    table.updateValue(value, forKey: ExactName(key))
  }

  /// Removes all, and keeps the memory where it is asked to.
  package mutating func removeAll(keepingCapacity: Bool = false) {
    table.removeAll(keepingCapacity: keepingCapacity)
  }

  /// How many keys there are.
  package var count: Int { table.count }
  /// Whether there are none.
  package var isEmpty: Bool { table.isEmpty }
  /// The values, in any order.
  package var values: some Collection<Value> { table.values }
  /// The keys, sorted by their bytes.
  package var keys: [String] { table.keys.sorted().map(\.text) }
}

extension NameMap: Sequence {
  /// The pairs, in any order.
  package func makeIterator() -> AnyIterator<(key: String, value: Value)> {
    var pairs = table.makeIterator()
    return AnyIterator { pairs.next().map { ($0.key.text, $0.value) } }
  }
}

extension NameMap: ExpressibleByDictionaryLiteral {
  /// Makes a map of a literal.
  package init(dictionaryLiteral elements: (String, Value)...) {
    self.init(elements.map { (key: $0, value: $1) })
  }
}

extension NameMap: Equatable where Value: Equatable {}
extension NameMap: Hashable where Value: Hashable {}
extension NameMap: Sendable where Value: Sendable {}
