import AssayTensors

/// What a recorder has seen, kept so that an empty recording can say why it is empty.
struct RecordingTally {
  var hasCalls = false
  var hasTensors = false
  /// Positions of the rules by which a call was recorded.
  var decidingRules: Set<Int> = []
  var excludedDevices: Set<Device> = []

  /// Why a recording holds no tensor; `nil` for one that does.
  ///
  /// - Parameter stepCount: How many steps the model ran.
  func reasonForNothing(_ configuration: CaptureConfiguration, stepCount: Int) -> String? {
    if hasTensors { return nil }
    guard stepCount > 0 else { return "no step was run" }
    guard (0..<stepCount).contains(where: configuration.includes(step:)) else {
      let wanted = configuration.steps.sorted().map(String.init).joined(separator: ", ")
      return "log_step_ids selects [\(wanted)], and the last step was \(stepCount - 1)"
    }
    guard hasCalls else {
      let rules = configuration.modules.rules
      guard !rules.isEmpty else { return "the model announced no module call" }
      return "no module call matches module_call_match "
        + rules.map { "\"\($0.source)\"" }.joined(separator: ", ")
    }
    guard !excludedDevices.isEmpty else { return "the recorded module calls had no tensors" }
    let names = { (devices: Set<Device>) in devices.map(\.name).sorted().joined(separator: ", ") }
    return "device_names selects \(names(configuration.devices)), and all tensors are on "
      + names(excludedDevices)
  }
}
