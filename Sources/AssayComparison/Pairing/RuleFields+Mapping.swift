import AssayTensors
import Yams

/// The values of a mapping rule's keys.
extension RuleFields {
  /// Where the rule begins.
  var line: Int? { place.node?.mark?.line }

  func callPattern(_ key: String, _ text: String) throws(ComparisonError) -> CallPattern {
    do {
      return try CallPattern(text)
    } catch {
      throw place.failure("\(key): \(error)", at: values[key])
    }
  }

  /// One slot, or a list of them.
  func slotPatterns(_ key: String) throws(ComparisonError) -> [SlotPattern]? {
    guard values[key] != nil else { return nil }
    var patterns: [SlotPattern] = []
    for text in try names(key, "slot").texts {
      do {
        patterns.append(try SlotPattern(text))
      } catch {
        throw place.failure("\(key): \(error)", at: values[key])
      }
    }
    return patterns
  }

  /// The sides that `actual`, `expected` and `both` stand for.
  func sides(_ key: String) throws(ComparisonError) -> [RunSide]? {
    guard let node = values[key] else { return nil }
    let word = try text(key)
    if word == "both" { return RunSide.allCases }
    guard let side = word.flatMap(RunSide.init) else {
      throw place.failure("\(key) must be actual, expected or both", at: node)
    }
    return [side]
  }

  /// Single steps, ranges such as 2-3, and open ones such as 8-.
  func steps() throws(ComparisonError) -> [ClosedRange<Int>]? {
    guard let node = values["steps"] else { return nil }
    let nodes = if case .sequence(let list) = node { Array(list) } else { [node] }
    var steps: [ClosedRange<Int>] = []
    for node in nodes {
      let ends = plain(node)?.split(separator: "-", omittingEmptySubsequences: false) ?? []
      guard let first = ends.first.flatMap({ natural(String($0)) }), ends.count <= 2,
        let last = ends.last.flatMap({ $0.isEmpty ? Int.max : natural(String($0)) }), first <= last
      else {
        throw wrong("steps", "a step's number, from 0, a range such as 2-3 or 8-, or a list", node)
      }
      steps.append(first...last)
    }
    guard !steps.isEmpty else { throw wrong("steps", "a list of at least one step", node) }
    return steps
  }

  static func words(_ node: Node) -> String {
    if case .sequence(let list) = node {
      list.compactMap(\.string).joined(separator: ", ")
    } else {
      node.string ?? ""
    }
  }

  /// One name, or a list of them.
  func names(
    _ key: String, _ kind: String = "module"
  ) throws(ComparisonError) -> (texts: [String], isList: Bool) {
    guard let node = values[key] else { throw place.failure("\(key) is missing") }
    guard case .sequence(let list) = node else {
      guard let text = try text(key) else { throw place.failure("\(key) is missing") }
      return ([text], false)
    }
    guard !list.isEmpty, list.count <= 64 else {
      throw wrong(key, "a \(kind)'s name, or a list of 1 to 64 of them", node)
    }
    var texts: [String] = []
    for item in list {
      var fields = self
      fields.values[key] = item
      guard let text = try fields.text(key) else { continue }
      texts.append(text)
    }
    return (texts, true)
  }

  func integer(_ key: String) throws(ComparisonError) -> Int? {
    guard let node = values[key] else { return nil }
    return try integer(node, key)
  }

  private func integer(_ node: Node, _ key: String) throws(ComparisonError) -> Int {
    guard let text = plain(node), let value = Int(text), value.magnitude < 1 << 48 else {
      throw wrong(key, "a whole number", node)
    }
    return value
  }

  private func integers(_ node: Node, _ key: String) throws(ComparisonError) -> [Int] {
    guard case .sequence(let list) = node, list.count <= 64 else {
      throw wrong(key, "a list of at most 64 whole numbers", node)
    }
    var numbers: [Int] = []
    for item in list { numbers.append(try integer(item, key)) }
    return numbers
  }

  /// What is done to a side's tensors; `nil` where nothing is said.
  func transforms(_ side: RunSide) throws(ComparisonError) -> [TensorTransform]? {
    let key = side.transformKey
    guard let node = values[key] else { return nil }
    guard case .sequence(let list) = node, list.count <= 16 else {
      throw wrong(key, "a list of at most 16 transforms, such as [{squeeze: 0}]", node)
    }
    var transforms: [TensorTransform] = []
    for item in list {
      let fields = try RuleFields(item, Self.transformKeys, place)
      guard fields.values.count == 1, let (name, value) = fields.values.first else {
        throw place.failure(
          "\(key): each entry of the list is one transform, such as {squeeze: 0}", at: item)
      }
      transforms.append(try fields.transform(name, value))
    }
    return transforms
  }

  private static let transformKeys = ["squeeze", "transpose", "reshape", "slice", "cast", "part"]

  private func transform(_ name: String, _ node: Node) throws(ComparisonError) -> TensorTransform {
    switch name {
    case "squeeze":
      return .squeeze(try integer(node, name))
    case "transpose":
      let axes = try integers(node, name)
      guard axes.count == 2 else { throw wrong(name, "two axes, such as [0, 1]", node) }
      return .transpose(axes[0], axes[1])
    case "reshape":
      let extents = try integers(node, name)
      guard extents.allSatisfy({ $0 >= -1 }), extents.count(where: { $0 == -1 }) <= 1 else {
        throw wrong(name, "extents from 0, of which one may be -1", node)
      }
      return .reshape(extents)
    case "slice":
      let fields = try RuleFields(node, ["axis", "start", "end"], place)
      guard let axis = try fields.integer("axis") else {
        throw place.failure("slice needs axis, and start or end", at: node)
      }
      let (start, end) = (try fields.integer("start"), try fields.integer("end"))
      // Of ends that are counted from different ends of the axis its length decides.
      guard start != nil || end != nil,
        (start ?? 0 < 0) != (end ?? start ?? 0 < 0) || end.map({ start ?? 0 < $0 }) ?? true
      else { throw place.failure("slice needs start or end, with start below end", at: node) }
      return .slice(axis: axis, start: start ?? 0, end: end)
    case "part":
      let fields = try RuleFields(node, ["axis", "index", "of"], place)
      guard let axis = try fields.integer("axis"), let index = try fields.integer("index"),
        let count = try fields.integer("of"), count > 0, (0..<count).contains(index)
      else {
        throw place.failure(
          "part needs axis, index and of: {axis: -1, index: 0, of: 2} is the first half", at: node)
      }
      return .part(axis: axis, index: index, count: count)
    default:
      guard let dtype = try dtype("cast"), TensorCast.targets.contains(dtype) else {
        let names = TensorCast.targets.map(\.rawValue).joined(separator: ", ")
        throw wrong("cast", "one of \(names)", node)
      }
      return .cast(dtype)
    }
  }
}

extension RunSide {
  /// The key of the transforms of its tensors.
  var transformKey: String { rawValue + "_transform" }
}
