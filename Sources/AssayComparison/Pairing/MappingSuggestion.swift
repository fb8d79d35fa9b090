import AssayBase
package import AssayRuns
import AssayTensors

/// Proposes mapping rules for two runs whose modules or slots have other names, from shapes and
/// statistics.
///
/// Equal figures are evidence and no proof: a proposal is a file for people to read, correct and
/// keep, and nothing is ever paired by one that was not given as a mapping.
package enum MappingSuggestion: Sendable, Equatable {
  /// The text of a file for ``Mapping/init(contentsOfFile:)``.
  case rules(String)
  /// There is nothing to propose, for a reason that is one sentence.
  case nothing(reason: String)

  /// Proposes rules for the modules of the first common step that have no namesake, and for slots of
  /// modules that do.
  ///
  /// Outputs decide, then inputs: equal shapes but for axes of 1, and mean, deviation, least and
  /// greatest element within 2 % of the deviation. Two modules that are alike for the same other
  /// one stand in the file as a comment. A slot that only one run's module has, and that is like none
  /// that only the other's has, is proposed to be left out.
  ///
  /// - Throws: What reading a tensor throws.
  package init(actual: any RunReader, expected: any RunReader) throws {
    let numbers = Set(expected.steps.map(\.index))
    guard let step = actual.steps.first(where: { numbers.contains($0.index) }),
      let counterpart = expected.steps.first(where: { $0.index == step.index })
    else {
      self = .nothing(
        reason: "the runs have no step in common, so no two tensors can be held together")
      return
    }
    let names = BothSides(
      actual: Set(step.calls.map { ExactName($0.call.module) }),
      expected: Set(counterpart.calls.map { ExactName($0.call.module) }))
    var modules = BothSides(
      actual: try ModuleProfile.all(of: step, in: actual, but: names.expected),
      expected: try ModuleProfile.all(of: counterpart, in: expected, but: names.actual))
    var proposals = Proposals()
    Self.pairAlike(&modules, &proposals)
    try Self.pairFused(&modules, whole: .actual, in: actual, &proposals)
    try Self.pairFused(&modules, whole: .expected, in: expected, &proposals)
    proposals.lone = BothSides(
      actual: modules.actual.map(\.name), expected: modules.expected.map(\.name))
    try Self.pairSlots(
      BothSides(actual: step, expected: counterpart),
      of: BothSides(actual: actual, expected: expected), &proposals)
    if proposals.isEmpty {
      let repeated = RepeatedCalls.all(in: step, beside: counterpart).first
      self = .nothing(
        reason: repeated?.text(step: step.index) ?? proposals.reason(step: step.index))
    } else {
      self = .rules(proposals.yaml)
    }
  }

  /// Pairs slots of modules of one name that only one run has, and leaves out the rest.
  private static func pairSlots(
    _ steps: BothSides<StepRecord>, of runs: BothSides<any RunReader>, _ proposals: inout Proposals
  ) throws {
    let others = Dictionary(
      steps.expected.calls.map { ($0.call, $0) }, uniquingKeysWith: { first, _ in first })
    for actual in steps.actual.calls {
      guard actual.call.index == 0, let expected = others[actual.call] else { continue }
      let slots = BothSides(
        actual: Set(actual.tensors.map(\.key.slot)), expected: Set(expected.tensors.map(\.key.slot))
      )
      guard slots.actual != slots.expected else { continue }
      let lone = BothSides(
        actual: actual.tensors.filter { !slots.expected.contains($0.key.slot) },
        expected: expected.tensors.filter { !slots.actual.contains($0.key.slot) })
      try proposals.add(lone, of: actual.call.module, in: runs)
    }
  }

  /// Pairs modules that are each other's only likeness.
  private static func pairAlike(
    _ modules: inout BothSides<[ModuleProfile]>, _ proposals: inout Proposals
  ) {
    var candidates: [(actual: Int, expected: Int, distance: Double)] = []
    for (a, actual) in modules.actual.enumerated() {
      for (e, expected) in modules.expected.enumerated() {
        guard let distance = actual.distance(to: expected) else { continue }
        candidates.append((a, e, distance))
      }
    }
    var taken = BothSides<Set<Int>>(actual: [], expected: [])
    for candidate in candidates.sorted(by: { $0.distance < $1.distance }) {
      let (a, e) = (candidate.actual, candidate.expected)
      guard !taken.actual.contains(a), !taken.expected.contains(e) else { continue }
      let rivals = candidates.filter {
        ($0.actual == a) != ($0.expected == e) && $0.distance < candidate.distance + tieMargin
          && !taken.actual.contains($0.actual) && !taken.expected.contains($0.expected)
      }
      let (actual, expected) = (modules.actual[a], modules.expected[e])
      guard rivals.isEmpty else {
        proposals.undecided.append("\(actual.name) is like \(expected.name), and not it alone")
        continue
      }
      taken.actual.insert(a)
      taken.expected.insert(e)
      proposals.add(actual, expected)
    }
    for side in RunSide.allCases {
      modules[side] = modules[side].enumerated().filter { !taken[side].contains($0.offset) }
        .map(\.element)
    }
  }

  /// Pairs a module with those whose outputs are, one after the other, the parts of its own.
  private static func pairFused(
    _ modules: inout BothSides<[ModuleProfile]>, whole side: RunSide, in run: any RunReader,
    _ proposals: inout Proposals
  ) throws {
    for whole in modules[side] {
      guard let parts = try whole.parts(among: modules[side.other], in: run) else { continue }
      proposals.add(whole, on: side, parts: parts)
      modules[side].removeAll { $0.name.isSame(as: whole.name) }
      modules[side.other].removeAll { module in parts.contains { $0.name.isSame(as: module.name) } }
    }
  }

  /// Figures closer than this do not tell two modules apart.
  private static let tieMargin = 1e-4
}

/// What one tensor looks like.
private struct TensorProfile {
  var key: TensorKey
  var dimensions: [Int]
  var statistics: TensorStatistics

  private static let limit = 0.02

  var slot: Slot { key.slot }

  /// - Returns: `nil` for a tensor that was not kept.
  init?(_ record: TensorRecord, in run: any RunReader) throws {
    guard record.isStored else { return nil }
    let tensor = try run.tensor(record.key)
    key = record.key
    dimensions = tensor.shape.dimensions
    statistics = TensorStatistics(of: tensor)
  }

  /// The dimensions but for those of 1.
  var extents: [Int] { dimensions.filter { $0 != 1 } }

  /// How far the figures are apart, in deviations; `nil` for tensors that are not alike.
  func distance(to other: TensorProfile) -> Double? {
    guard extents == other.extents else { return nil }
    return Self.distance(statistics, other.statistics)
  }

  static func distance(_ a: TensorStatistics, _ b: TensorStatistics) -> Double? {
    guard a.nanCount == b.nanCount, a.infCount == b.infCount else { return nil }
    let figures = [
      (a.mean, b.mean), (a.standardDeviation, b.standardDeviation), (a.min, b.min), (a.max, b.max),
    ]
    let scale = max(
      a.standardDeviation ?? 0, b.standardDeviation ?? 0, 1e-3 * (a.mean ?? 0).magnitude, 1e-30)
    var distance = 0.0
    for case (let x?, let y?) in figures { distance = max(distance, (x - y).magnitude / scale) }
    return distance < limit ? distance : nil
  }
}

/// What the first call of a module took and gave.
private struct ModuleProfile {
  var name: String
  var inputs: [TensorProfile] = []
  var outputs: [TensorProfile] = []

  static func all(
    of step: StepRecord, in run: any RunReader, but known: Set<ExactName>
  ) throws -> [ModuleProfile] {
    var profiles: [ModuleProfile] = []
    for record in step.calls
    where record.call.index == 0 && !known.contains(ExactName(record.call.module)) {
      var profile = ModuleProfile(name: record.call.module)
      for entry in record.tensors {
        guard let found = try TensorProfile(entry, in: run) else { continue }
        if entry.key.slot.rawValue.begins(with: "outputs") { profile.outputs.append(found) }
        if entry.key.slot.rawValue.begins(with: "inputs") { profile.inputs.append(found) }
      }
      profiles.append(profile)
    }
    return profiles
  }

  /// How far two modules are apart; `nil` for modules whose outputs are not alike.
  func distance(to other: ModuleProfile) -> Double? {
    guard let mine = outputs.first, let theirs = other.outputs.first,
      let outputs = mine.distance(to: theirs)
    else { return nil }
    guard let input = inputs.first, let otherInput = other.inputs.first else { return outputs }
    return outputs + (input.distance(to: otherInput) ?? 1)
  }

  /// The modules whose outputs, joined along the last axis, are this one's; `nil` without two or
  /// where several would do.
  func parts(among others: [ModuleProfile], in run: any RunReader) throws -> [ModuleProfile]? {
    guard let whole = outputs.first, let extent = whole.dimensions.last else { return nil }
    let candidates = others.filter {
      guard let output = $0.outputs.first, let part = output.dimensions.last else { return false }
      return part < extent && output.extents.dropLast() == whole.extents.dropLast()
    }
    guard candidates.count > 1 else { return nil }
    let tensor = try run.tensor(whole.key)
    var parts: [ModuleProfile] = []
    var start = 0
    while start < extent {
      let fitting = try candidates.filter { candidate in
        guard let output = candidate.outputs.first, let part = output.dimensions.last,
          start + part <= extent, !parts.contains(where: { $0.name.isSame(as: candidate.name) })
        else { return false }
        let slice = try tensor.part(
          start..<start + part, alongAxis: whole.dimensions.count - 1)
        return TensorProfile.distance(TensorStatistics(of: slice), output.statistics) != nil
      }
      guard let next = fitting.first, fitting.count == 1 else { return nil }
      parts.append(next)
      start += next.outputs.first?.dimensions.last ?? extent
    }
    return parts
  }
}

/// The rules found so far.
private struct Proposals {
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

  var isEmpty: Bool { found.isEmpty && drops.isEmpty }

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
    func text(_ side: String, _ count: Int) -> String {
      ", \(side)_transform: ["
        + Array(repeating: "{squeeze: 0}", count: count).joined(separator: ", ") + "]"
    }
    let (a, e) = (actual.dimensions, expected.dimensions)
    if a.count > e.count, a.prefix(a.count - e.count).allSatisfy({ $0 == 1 }) {
      return text("actual", a.count - e.count)
    }
    if e.count > a.count, e.prefix(e.count - a.count).allSatisfy({ $0 == 1 }) {
      return text("expected", e.count - a.count)
    }
    return ""
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
      "version: 1", "rules:",
    ]
    for rule in rules {
      let rest = rule.rest.text.isEmpty ? "" : ", \(rule.rest.text)"
      lines.append("  - {actual: \(rule.actual.text), expected: \(rule.expected.text)\(rest)}")
    }
    if !drops.isEmpty {
      lines.append(
        "  # Only one run has these, and nothing like them is in the other: left out of both.")
    }
    for drop in drops {
      lines.append(
        "  - {drop: both, module: \(quoted(drop.module)), slot: \(quoted(drop.slot))}  # only the "
          + "\(drop.side.rawValue) run has it")
    }
    for text in undecided { lines.append("# undecided: \(text)") }
    for side in RunSide.allCases where !lone[side].isEmpty {
      lines.append("# only in the \(side.rawValue) run: \(lone[side].joined(separator: ", "))")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
