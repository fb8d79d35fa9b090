import AssayRuns
import AssayTensors

/// Runs under the names of the first of them, so that any two can be compared.
struct CommonNames {
  private let reference: any RunReader
  /// The runs after the first, each with the first as it is beside it.
  private var others: [(run: any RunReader, reference: any RunReader)] = []

  /// - Throws: ``ComparisonError/cannotCalibrate(reason:)`` for a rule or a device that does nothing in
  ///   any run, and for one that puts two tensors under one name.
  init(
    _ runs: [any RunReader], _ mapping: Mapping?, _ deviceMap: [(actual: Device, expected: Device)]
  ) throws(ComparisonError) {
    reference = runs[0]
    try Self.check(deviceMap, runs)
    var used = Set<Int>()
    var unused: [Int: ComparisonFailure] = [:]
    for run in runs.dropFirst() {
      let run: any RunReader = deviceMap.isEmpty ? run : DeviceMappedRun(run, deviceMap)
      guard let mapping else {
        others.append((run, reference))
        continue
      }
      let resolution = MappingResolution(
        mapping, actual: run, expected: reference, ComparisonOptions())
      for failure in resolution.failures {
        guard case .mappingRuleUnused(let rule, _, _, _, _) = failure else {
          throw .cannotCalibrate(reason: "\(run.path): \(failure)")
        }
        unused[rule] = failure
      }
      used.formUnion(
        resolution.summary.rules.indices.filter { resolution.summary.rules[$0].count > 0 })
      others.append((resolution.runs.actual, resolution.runs.expected))
    }
    if let (_, failure) = unused.filter({ !used.contains($0.key) }).min(by: { $0.key < $1.key }) {
      throw .cannotCalibrate(reason: "\(failure)")
    }
  }

  /// Two runs, the first of which is later than the second, that pair by equal names.
  func pair(_ second: Int, _ first: Int) -> (actual: any RunReader, expected: any RunReader) {
    let other = others[second - 1]
    return (other.run, first == 0 ? other.reference : others[first - 1].run)
  }

  private static func check(
    _ deviceMap: [(actual: Device, expected: Device)], _ runs: [any RunReader]
  ) throws(ComparisonError) {
    guard !deviceMap.isEmpty else { return }
    let others = runs.dropFirst().reduce(into: Set<Device>()) { $0.formUnion($1.steps.devices) }
    let failures = deviceMap.failures(actual: others, expected: runs[0].steps.devices)
    if let first = failures.first { throw .cannotCalibrate(reason: "\(first)") }
  }
}

/// A run whose tensors lived on devices of other names.
private struct DeviceMappedRun: RunReader {
  let base: any RunReader
  let steps: [StepRecord]
  private var names: [TensorKey: TensorKey] = [:]

  var path: String { base.path }
  var manifest: RunManifest { base.manifest }

  init(_ base: any RunReader, _ map: [(actual: Device, expected: Device)]) {
    self.base = base
    var names: [TensorKey: TensorKey] = [:]
    steps = base.steps.map { step in
      var calls = step.calls
      for call in calls.indices {
        for position in calls[call].tensors.indices {
          let key = calls[call].tensors[position].key
          let device = map.expected(of: key.device)
          guard device != key.device else { continue }
          calls[call].tensors[position].key.device = device
          names[calls[call].tensors[position].key] = key
        }
      }
      return StepRecord(
        step: step.step, calls: calls, completionOrder: step.completionOrder,
        isOrderRecorded: step.isOrderRecorded)
    }
    self.names = names
  }

  func tensor(_ key: TensorKey) throws -> Tensor { try base.tensor(names[key] ?? key) }
}
