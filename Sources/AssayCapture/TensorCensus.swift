import AssayRuns
import AssayTensors

/// Counts the tensors that a value holds, whatever its conformances show of them.
struct TensorCensus {
  private(set) var count = 0
  private var first: (any TensorConvertible)?
  private var seen: Set<ObjectIdentifier> = []
  private var visits = 0

  /// Larger values are counted in part; what is found counts.
  private static let visitLimit = 100_000

  /// Visits a value with all that its stored properties reach.
  ///
  /// - Complexity: O(stored values), at most 100,000.
  init(of value: Any) { visit(value) }

  /// Says that a value was not recorded.
  func mark(_ value: Any, _ reason: String) -> CapturedValue {
    .notRecorded(
      type: "\(type(of: value))", representation: "",
      device: (try? first?.tensor().device) ?? .cpu, reason: reason)
  }

  private mutating func visit(_ value: Any) {
    visits += 1
    guard visits <= Self.visitLimit else { return }
    if let tensor = value as? any TensorConvertible {
      count += 1
      first = first ?? tensor
      return
    }
    if Self.isPlain(value) || OpenedValue.isState("\(type(of: value))") { return }
    if let value = value as? CapturedValue {
      count += value.tensors(in: Slot(Slot.Side.inputs.rawValue)).count
      return
    }
    var mirror: Mirror? = Mirror(reflecting: value)
    if mirror?.displayStyle == .class {
      guard seen.insert(ObjectIdentifier(value as AnyObject)).inserted else { return }
    }
    while let here = mirror {
      for child in here.children {
        visit(child.value)
        // All items are of one type.
        if here.displayStyle == .collection, Self.isPlain(child.value),
          type(of: value) != [Any].self
        {
          break
        }
      }
      mirror = here.superclassMirror
    }
  }

  private static func isPlain(_ value: Any) -> Bool {
    value is any Numeric || value is Bool || value is String
  }
}
