import AssayRuns
import AssayTensors

/// What devices of the actual run are called in the expected run.
struct DeviceMap: Sendable {
  private let names: [Device: Device]

  /// - Parameter entries: Of a device that is named twice the first entry counts; ``problems(_:in:)``
  ///   tells of the second.
  init(_ entries: [(actual: Device, expected: Device)]) {
    names = Dictionary(
      entries.map { ($0.actual, $0.expected) }, uniquingKeysWith: { first, _ in first })
  }

  /// The expected run's name of an actual device.
  subscript(device: Device) -> Device { names[device] ?? device }

  /// What is wrong with entries: a device that no run has where it is to be, and one named twice.
  ///
  /// - Parameter devices: Where the tensors of the runs lived.
  static func problems(
    _ entries: [(actual: Device, expected: Device)], in devices: BothSides<Set<Device>>
  ) -> [ComparisonFailure] {
    var failures: [ComparisonFailure] = []
    var seen = Set<Device>()
    for entry in entries {
      let text = "\(entry.actual)=\(entry.expected)"
      for (device, side) in [(entry.actual, RunSide.actual), (entry.expected, .expected)]
      where !devices[side].contains(device) {
        failures.append(
          .deviceMatchesNothing(device: device.name, entry: text, isActual: side == .actual))
      }
      if !seen.insert(entry.actual).inserted {
        failures.append(.deviceMappedTwice(entry.actual.name))
      }
    }
    return failures
  }
}

extension [StepRecord] {
  /// Where the tensors of all steps lived.
  var devices: Set<Device> {
    Set(flatMap { $0.calls.flatMap { $0.tensors.map(\.key.device) } })
  }
}
