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
  /// one stand in the file as a comment. A slot that only one run has, and that is like
  /// none that only the other has, is proposed to be left out. Tensors of equal names whose axes of 1
  /// or order of axes differ get the transforms. Where a mapping that comes with Assay pairs nearly
  /// all, it is proposed instead.
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
    if let fit = PresetFit.best(actual: actual, step, expected: expected, counterpart) {
      self = .rules(fit.yaml(step: step.index))
      return
    }
    if let fit = PresetFit.best(actual: expected, counterpart, expected: actual, step) {
      self = .nothing(
        reason:
          "--mapping \(fit.preset.name) is made for these runs the other way round, so give the "
          + "expected run first")
      return
    }
    let names = BothSides(
      actual: Set(step.calls.map { ExactName($0.call.module) }),
      expected: Set(counterpart.calls.map { ExactName($0.call.module) }))
    var modules = BothSides(
      actual: try ModuleProfile.all(of: step, in: actual, but: names.expected),
      expected: try ModuleProfile.all(of: counterpart, in: expected, but: names.actual))
    var proposals = MappingProposals()
    Self.pairAlike(&modules, &proposals)
    try Self.pairFused(&modules, whole: .actual, in: actual, &proposals)
    try Self.pairFused(&modules, whole: .expected, in: expected, &proposals)
    proposals.lone = BothSides(
      actual: modules.actual.map(\.name), expected: modules.expected.map(\.name))
    try Self.pairSlots(
      BothSides(actual: step, expected: counterpart),
      of: BothSides(actual: actual, expected: expected), &proposals)
    let reason = proposals.reason(step: step.index)
    proposals.settle(
      BothSides(
        actual: step.calls.map(\.call.module), expected: counterpart.calls.map(\.call.module)))
    if proposals.isEmpty {
      let repeated = RepeatedCalls.all(in: step, beside: counterpart).first
      self = .nothing(
        reason: repeated?.text(step: step.index) ?? reason)
    } else {
      self = .rules(proposals.yaml)
    }
  }

  /// Pairs slots of modules of one name that only one run has, and leaves out the rest.
  private static func pairSlots(
    _ steps: BothSides<StepRecord>, of runs: BothSides<any RunReader>,
    _ proposals: inout MappingProposals
  ) throws {
    let others = Dictionary(
      steps.expected.calls.map { ($0.call, $0) }, uniquingKeysWith: { first, _ in first })
    for actual in steps.actual.calls {
      guard actual.call.index == 0, let expected = others[actual.call] else { continue }
      for record in actual.tensors where record.isStored {
        guard
          let other = expected.tensors.first(where: {
            $0.key.slot == record.key.slot && $0.isStored
          })
        else { continue }
        try proposals.addForm(
          record.key,
          BothSides(
            actual: runs.actual.tensor(record.key), expected: runs.expected.tensor(other.key)))
      }
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
    _ modules: inout BothSides<[ModuleProfile]>, _ proposals: inout MappingProposals
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
        proposals.undecidedModules.formUnion([actual.name, expected.name].map { ExactName($0) })
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
    _ proposals: inout MappingProposals
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
