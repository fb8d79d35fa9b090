import AssayBase
import AssayRuns
import AssayTensors

/// The rules found so far.
struct MappingProposals {
  /// A rule, with the pattern's numbers as groups and as they were found.
  private struct Rule: Hashable {
    var actual: ExactName
    var expected: ExactName
    var rest: ExactName
  }

  private var found: [(general: Rule, literal: Rule)] = []
  /// What is left out: modules and a slot, each as a pattern, with the run that has it.
  private var drops: [(module: String, slot: String, side: RunSide)] = []
  var undecided: [String] = []
  var undecidedModules: Set<ExactName> = []
  /// Modules that are left out, as patterns.
  private var loneDrops: [(module: String, side: RunSide)] = []
  /// Tensors of equal names of which one side has leading axes of 1, and how many.
  private var squeezes: [(key: TensorKey, side: RunSide, count: Int)] = []
  /// Sides of which tensors with a leading axis of 1 pair as they are.
  private var keepsOnes: Set<RunSide> = []
  private var defaults = BothSides(actual: 0, expected: 0)
  var lone = BothSides<[String]>(actual: [], expected: [])

  mutating func add(_ actual: ModuleProfile, _ expected: ModuleProfile) {
    let pairs = [(actual.inputs, expected.inputs), (actual.outputs, expected.outputs)]
    // Slots of other names come first: the rule for the module pairs only equal ones.
    for (mine, theirs) in pairs {
      let names = Set(theirs.map(\.slot))
      for tensor in mine where !names.contains(tensor.slot) {
        let own = Set(mine.map(\.slot))
        let alike = theirs.filter { !own.contains($0.slot) && tensor.distance(to: $0) != nil }
        guard let other = alike.first, alike.count == 1 else { continue }
        add(
          actual.name, [expected.name],
          "slot: \(quoted(tensor.slot.rawValue)), expected_slot: "
            + quoted(other.slot.rawValue) + squeezing(tensor, other))
      }
    }
    // A rule for the whole module pairs slots of equal names, and there must be one.
    for (mine, theirs) in pairs.reversed() {
      for tensor in mine {
        guard let other = theirs.first(where: { $0.slot == tensor.slot }) else { continue }
        return add(actual.name, [expected.name], squeezing(tensor, other))
      }
    }
  }

  var isEmpty: Bool {
    found.isEmpty && drops.isEmpty && defaults.actual == 0 && defaults.expected == 0
  }

  /// Adds what makes two tensors of equal names alike in their axes.
  mutating func addForm(_ key: TensorKey, _ tensors: BothSides<Tensor>) throws {
    var tensors = tensors
    for side in RunSide.allCases {
      let (own, other) = (tensors[side].shape.dimensions, tensors[side.other].shape.dimensions)
      let count = own.count - other.count
      if count > 0, own.prefix(count).allSatisfy({ $0 == 1 }) {
        squeezes.append((key, side, count))
        for _ in 0..<count {
          tensors[side] = try TensorTransform.squeeze(0).applied(to: tensors[side])
        }
      } else if count == 0, own.first == 1 {
        keepsOnes.insert(side)
      }
    }
    guard let order = AxisOrder(actual: tensors.actual, expected: tensors.expected) else { return }
    let squeezed = squeezes.last.flatMap { $0.key == key ? $0 : nil }
    let own = squeezed?.side == .actual ? squeezed?.count ?? 0 : 0
    let transforms =
      Array(repeating: TensorTransform.squeeze(0), count: own) + order.transforms
    let other =
      squeezed?.side == .expected ? squeezing(.expected, squeezed?.count ?? 0) : ""
    add(
      key.module, [key.module],
      "slot: \(quoted(key.slot.rawValue)), actual_transform: ["
        + transforms.map(\.yaml).joined(separator: ", ") + "]" + other)
    if squeezed != nil { squeezes.removeLast() }
  }

  /// Decides what can only be told when all was seen: what holds for a whole run, and what it alone
  /// has.
  mutating func settle(_ modules: BothSides<[String]>) {
    for (key, side, count) in squeezes {
      if keepsOnes.contains(side) {
        add(
          key.module, [key.module],
          "slot: \(quoted(key.slot.rawValue))" + squeezing(side, count))
      } else {
        defaults[side] = max(defaults[side], count)
      }
    }
    // What both runs have may be the same, but for the error that is looked for.
    for side in RunSide.allCases where lone[side.other].isEmpty {
      let dropped = lone[side].filter { !undecidedModules.contains(ExactName($0)) }
      let kept = Set(modules[side].map { ExactName($0) }).subtracting(
        dropped.map { ExactName($0) })
      let keptKinds = Set(kept.map { ModuleKind($0.text) })
      for module in dropped {
        let kind = String(ModuleKind.pattern(of: module).dropFirst().dropLast())
        let isAll = !keptKinds.contains(ModuleKind(module))
        let pattern =
          isAll ? kind : module.parts(separatedBy: ".").map(escaped).joined(separator: #"\."#)
        if !loneDrops.contains(where: { $0 == (pattern, side) }) {
          loneDrops.append((pattern, side))
        }
      }
      lone[side].removeAll { module in dropped.contains { $0.isSame(as: module) } }
    }
  }

  /// Why there is no rule.
  func reason(step: Int) -> String {
    guard !(lone.actual.isEmpty && lone.expected.isEmpty) else {
      return "all modules of step \(step), and their slots, have the same names in both runs, so "
        + "every tensor pairs without a mapping"
    }
    func names(_ side: RunSide) -> String {
      let names = lone[side]
      let some = names.prefix(3).joined(separator: ", ")
      return names.isEmpty
        ? "none in the \(side.rawValue) run"
        : "\(names.count) in the \(side.rawValue) run (\(some)\(names.count > 3 ? ", …" : ""))"
    }
    return "of the modules of step \(step) without a namesake, \(names(.actual)) and "
      + "\(names(.expected)), no two have outputs of one shape with figures that are alike"
      + (undecided.first.map { ", or not they alone: \($0)" } ?? "")
  }

  /// Adds rules for slots that only one run has in a module of the same name.
  mutating func add(
    _ records: BothSides<[TensorRecord]>, of module: String, in runs: BothSides<any RunReader>
  ) throws {
    var profiles = BothSides<[TensorProfile]>(actual: [], expected: [])
    if !records.actual.isEmpty, !records.expected.isEmpty {
      for side in RunSide.allCases {
        profiles[side] = try records[side].compactMap { try TensorProfile($0, in: runs[side]) }
      }
    }
    var paired = Set<Slot>()
    for tensor in profiles.actual {
      let alike = profiles.expected.filter {
        $0.slot.side == tensor.slot.side && tensor.distance(to: $0) != nil
      }
      guard let other = alike.first, alike.count == 1 else { continue }
      paired.formUnion([tensor.slot, other.slot])
      add(
        module, [module],
        "slot: \(quoted(tensor.slot.rawValue)), expected_slot: \(quoted(other.slot.rawValue))"
          + squeezing(tensor, other))
    }
    for side in RunSide.allCases {
      for record in records[side] where !paired.contains(record.key.slot) {
        let pattern = String(ModuleKind.pattern(of: module).dropFirst().dropLast())
        let drop = (pattern, record.key.slot.rawValue, side)
        if !drops.contains(where: { $0 == drop }) { drops.append(drop) }
      }
    }
  }

  mutating func add(_ whole: ModuleProfile, on side: RunSide, parts: [ModuleProfile]) {
    guard let output = whole.outputs.first, let part = parts.first?.outputs.first else { return }
    let (actual, expected) = side == .actual ? (output, part) : (part, output)
    let rest = "concatenate: -1" + squeezing(actual, expected)
    if side == .actual {
      add(whole.name, parts.map(\.name), rest)
    } else {
      add(whole.name, parts.map(\.name), rest, patternSide: .expected)
    }
  }

  /// What takes away the leading axes of 1 that only one of two tensors has.
  private func squeezing(_ actual: TensorProfile, _ expected: TensorProfile) -> String {
    let (a, e) = (actual.dimensions, expected.dimensions)
    if a.count > e.count, a.prefix(a.count - e.count).allSatisfy({ $0 == 1 }) {
      return squeezing(.actual, a.count - e.count)
    }
    if e.count > a.count, e.prefix(e.count - a.count).allSatisfy({ $0 == 1 }) {
      return squeezing(.expected, e.count - a.count)
    }
    return ""
  }

  private func squeezing(_ side: RunSide, _ count: Int) -> String {
    ", \(side.rawValue)_transform: ["
      + Array(repeating: "{squeeze: 0}", count: count).joined(separator: ", ") + "]"
  }

  private mutating func add(
    _ name: String, _ others: [String], _ rest: String, patternSide: RunSide = .actual
  ) {
    func rule(isGeneral: Bool) -> Rule {
      let numbers = name.parts(separatedBy: ".").filter { Int($0) != nil }
      let pattern = name.parts(separatedBy: ".").map { part in
        isGeneral && Int(part) != nil ? #"(\d+)"# : escaped(part)
      }.joined(separator: #"\."#)
      let templates = others.map { other in
        other.parts(separatedBy: ".").map { part in
          guard isGeneral, Int(part) != nil, let group = numbers.firstIndex(of: part) else {
            return part.replacing("\\", with: #"\\"#)
          }
          return "\\\(group + 1)"
        }.joined(separator: ".")
      }
      let list =
        templates.count == 1
        ? quoted(templates[0]) : "[" + templates.map(quoted).joined(separator: ", ") + "]"
      let rest = ExactName(rest.dropping(prefix: ", ") ?? rest)
      let (from, to) = (ExactName(quoted(pattern)), ExactName(list))
      return patternSide == .actual
        ? Rule(actual: from, expected: to, rest: rest)
        : Rule(actual: to, expected: from, rest: rest)
    }
    found.append((rule(isGeneral: true), rule(isGeneral: false)))
  }

  private func escaped(_ part: String) -> String {
    part.map { $0.isLetter || $0.isNumber || $0 == "_" ? "\($0)" : "\\\($0)" }.joined()
  }

  private func quoted(_ text: String) -> String {
    "'" + text.replacing("'", with: "''") + "'"
  }

  /// The rules in the order in which their modules ran; numbers are groups where that is the same
  /// for all modules of the pattern.
  private var rules: [Rule] {
    var rules: [Rule] = []
    for (general, literal) in found {
      let isOne = found.allSatisfy {
        $0.general.actual != general.actual || $0.general.expected == general.expected
      }
      let rule = isOne ? general : literal
      if !rules.contains(rule) { rules.append(rule) }
    }
    return rules
  }

  var yaml: String {
    var lines = [
      "# Proposed from shapes and statistics of one step: read it before you trust it.",
      "version: 1",
    ]
    for side in RunSide.allCases where defaults[side] > 0 {
      if lines.count == 2 { lines.append("defaults:") }
      lines.append("  " + squeezing(side, defaults[side]).dropFirst(2))
    }
    if !(rules.isEmpty && drops.isEmpty && loneDrops.isEmpty) { lines.append("rules:") }
    for rule in rules {
      let rest = rule.rest.text.isEmpty ? "" : ", \(rule.rest.text)"
      lines.append("  - {actual: \(rule.actual.text), expected: \(rule.expected.text)\(rest)}")
    }
    if !drops.isEmpty || !loneDrops.isEmpty {
      lines.append(
        "  # Only one run has these, and nothing like them is in the other: left out of both.")
    }
    for drop in drops {
      lines.append(
        "  - {drop: both, module: \(quoted(drop.module)), slot: \(quoted(drop.slot))}  # only the "
          + "\(drop.side.rawValue) run has it")
    }
    for drop in loneDrops {
      lines.append("  - {drop: \(drop.side.rawValue), module: \(quoted(drop.module))}")
    }
    for text in undecided { lines.append("# undecided: \(text)") }
    for side in RunSide.allCases where !lone[side].isEmpty {
      lines.append("# only in the \(side.rawValue) run: \(lone[side].joined(separator: ", "))")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
