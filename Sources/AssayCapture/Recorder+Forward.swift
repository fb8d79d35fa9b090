import AssayRuns
import AssayTensors

// What a probe does around a body, whether that is asynchronous or not.

extension Recorder {
  /// What stands in the place of a call's tensors; `nil` where nothing does.
  func substitution(for call: RecordedCall) -> Substitution? {
    source.map { Substitution($0, call: call) }
  }

  /// Records the live inputs.
  ///
  /// - Returns: The inputs to run on: the live ones, or those of the source.
  func enter<each Input: Capturable>(
    _ call: RecordedCall, _ substitution: Substitution?, _ inputs: repeat each Input
  ) throws -> (repeat each Input) {
    let arguments = try CallArguments(repeat each inputs)
    try record(call, .inputs, arguments)
    guard let substitution else { return (repeat each inputs) }
    substitution.begin(.inputs, live: arguments.tensors(on: .inputs))
    return try substitution.inputs(repeat each inputs)
  }

  /// Records the inputs once more, where that is wanted.
  func recordAfterForward<each Input: Capturable>(
    _ call: RecordedCall, _ inputs: repeat each Input
  ) throws {
    guard configuration.recordsPostForwardInputs else { return }
    try record(call, .postForwardInputs, try CallArguments(repeat each inputs))
  }

  /// Records one live output.
  ///
  /// - Returns: What the caller is given: the live output, or that of the source.
  func leave<Output: Capturable>(
    _ call: RecordedCall, _ substitution: Substitution?, _ output: Output
  ) throws -> Output {
    let value = try OpenedValue.captured(output)
    try record(call, .outputs, value)
    guard let substitution else { return output }
    substitution.begin(.outputs, live: value.tensors(in: substitution.outputs.slot))
    defer { keepAlive(substitution.keptAlive) }
    return try output.replacingTensors(substitution.outputs)
  }

  /// Records several live outputs.
  ///
  /// - Returns: What the caller is given: the live outputs, or those of the source.
  func leave<each Output: Capturable>(
    _ call: RecordedCall, _ substitution: Substitution?, all outputs: repeat each Output
  ) throws -> (repeat each Output) {
    var values: [CapturedValue] = []
    repeat values.append(try OpenedValue.captured(each outputs))
    try record(call, .outputs, .tuple(values))
    guard let substitution else { return (repeat each outputs) }
    substitution.begin(
      .outputs, live: CapturedValue.tuple(values).tensors(in: substitution.outputs.slot))
    defer { keepAlive(substitution.keptAlive) }
    return try substitution.outputs(repeat each outputs)
  }
}
