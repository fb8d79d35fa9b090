import AssayRuns
import AssayTensors

/// The steps of runs under the names of the first of them, so that any two can be compared.
struct CommonNames {
  /// Of each run after the first its steps, with those of the first beside them.
  private var others: [CommonSteps] = []

  /// - Throws: ``ComparisonError/cannotCalibrate(reason:)`` for a rule or a device that does nothing in
  ///   any run, and for one that puts two tensors under one name.
  init(
    _ runs: [any RunReader], _ mapping: Mapping?, _ deviceMap: [(actual: Device, expected: Device)]
  ) throws(ComparisonError) {
    let others = runs.dropFirst().reduce(into: Set<Device>()) { $0.formUnion($1.steps.devices) }
    let problem = deviceMap.failures(actual: others, expected: runs[0].steps.devices).first
    if let problem { throw .cannotCalibrate(reason: "\(problem)") }
    var used = Set<Int>()
    var unused: [Int: ComparisonFailure] = [:]
    for run in runs.dropFirst() {
      let common = CommonSteps(
        actual: run, expected: runs[0], mapping: mapping, devices: deviceMap)
      self.others.append(common)
      for failure in common.failures {
        guard case .mappingRuleUnused(let rule, _, _, _, _) = failure else {
          throw .cannotCalibrate(reason: "\(run.path): \(failure)")
        }
        unused[rule] = failure
      }
      let rules = common.summary?.rules ?? []
      used.formUnion(rules.indices.filter { rules[$0].count > 0 })
    }
    if let (_, failure) = unused.filter({ !used.contains($0.key) }).min(by: { $0.key < $1.key }) {
      throw .cannotCalibrate(reason: "\(failure)")
    }
  }

  /// The steps of two runs, the first of which is later than the second.
  func steps(_ second: Int, _ first: Int) -> BothSides<[CommonStep]> {
    BothSides(
      actual: others[second - 1].steps.actual,
      expected: first == 0 ? others[second - 1].steps.expected : others[first - 1].steps.actual)
  }
}
