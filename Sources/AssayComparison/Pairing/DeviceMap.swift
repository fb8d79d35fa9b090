import AssayRuns
package import AssayTensors

/// What devices of the actual run are called in the expected run.
typealias DeviceMap = [(actual: Device, expected: Device)]

/// Devices of one run that have another name in the expected one.
///
/// The first entry of a device decides; that there is a second is a failure of the comparison.
extension [(actual: Device, expected: Device)] {
  /// What the expected run calls a device of the actual one.
  package func expected(of device: Device) -> Device {
    first { $0.actual == device }?.expected ?? device
  }

  /// What the actual run calls a device of the expected one, where an entry says so.
  package func actual(of device: Device) -> Device? { first { $0.expected == device }?.actual }

  /// What is wrong with the entries: devices that a run does not have, or that are mapped twice.
  ///
  /// - Parameters:
  ///   - actual: The devices of the actual run.
  ///   - expected: Those of the expected run.
  func failures(actual: Set<Device>, expected: Set<Device>) -> [ComparisonFailure] {
    var seen = Set<Device>()
    return flatMap { entry -> [ComparisonFailure] in
      let text = "\(entry.actual)=\(entry.expected)"
      var failures: [ComparisonFailure] = []
      for (device, isActual) in [(entry.actual, true), (entry.expected, false)]
      where !(isActual ? actual : expected).contains(device) {
        failures.append(
          .deviceMatchesNothing(device: device.name, entry: text, isActual: isActual))
      }
      if !seen.insert(entry.actual).inserted {
        failures.append(.deviceMappedTwice(entry.actual.name))
      }
      return failures
    }
  }
}

extension [StepRecord] {
  /// Where the tensors of all steps lived.
  var devices: Set<Device> {
    Set(flatMap { $0.calls.flatMap { $0.tensors.map(\.key.device) } })
  }
}
