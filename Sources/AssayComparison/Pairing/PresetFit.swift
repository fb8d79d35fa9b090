import AssayRuns
import AssayTensors

/// How well a mapping that comes with Assay pairs the tensors of one step of two runs.
struct PresetFit {
  var preset: MappingPreset
  /// How many tensors of both runs are paired, of how many that are not left out.
  var paired: Int
  var total: Int
  /// How many rules do nothing.
  private var unused: Int

  /// The preset that pairs most, nearly all and more than equal names do.
  ///
  /// Of several it is the one of which least is in vain.
  ///
  /// - Returns: `nil` where there is none.
  ///
  /// - Complexity: O(presets x rules x calls).
  static func best(
    actual: any RunReader, _ actualStep: StepRecord, expected: any RunReader,
    _ expectedStep: StepRecord
  ) -> PresetFit? {
    let runs = BothSides(
      actual: OneStep(run: actual, steps: [actualStep]),
      expected: OneStep(run: expected, steps: [expectedStep]))
    let names = count(Mapping([], source: nil), runs)
    return MappingPreset.all.compactMap { preset -> PresetFit? in
      guard let mapping = try? Mapping(preset: preset) else { return nil }
      let count = count(mapping, runs)
      // The share of what equal names pair is of all tensors, and so is the larger one to beat.
      guard count.total > 0, count.paired * 10 >= count.total * 9,
        count.paired * max(names.total, 1) > names.paired * count.total
      else { return nil }
      return PresetFit(
        preset: preset, paired: count.paired, total: count.total, unused: count.unused)
    }.max { first, second in
      let (one, other) = (first.paired * second.total, second.paired * first.total)
      return (one, -first.unused, first.paired) < (other, -second.unused, second.paired)
    }
  }

  private static func count(
    _ mapping: Mapping, _ runs: BothSides<OneStep>
  ) -> (paired: Int, total: Int, unused: Int) {
    let common = CommonSteps(
      actual: runs.actual, expected: runs.expected, mapping: mapping, devices: [])
    let tensors = RunSide.allCases.flatMap { common.steps[$0] }.flatMap(\.calls)
      .flatMap(\.tensors)
    let unused = common.summary?.rules.count { $0.count == 0 } ?? 0
    return (tensors.count { $0.origin != nil }, tensors.count, unused)
  }

  /// The preset's file, with what it does on top.
  func yaml(step: Int) -> String {
    "# --mapping \(preset.name) pairs \(paired) of \(total) tensors of step \(step). It is:\n"
      + preset.text
  }
}

/// A run of which one step is looked at.
private struct OneStep: RunReader {
  let run: any RunReader
  let steps: [StepRecord]

  var path: String { run.path }
  var manifest: RunManifest { run.manifest }

  func tensor(_ key: TensorKey) throws -> Tensor { try run.tensor(key) }
}
