import AssayRuns
public import AssayTensors

extension Probe {
  /// What the golden recorded as a module's input in the step under way, or else in the next one:
  /// so a test needs no copy of what the model is given.
  ///
  /// ```swift
  /// try probe.step { try model(probe.input("patch_embed"), probe) }
  /// ```
  /// - Parameters:
  ///   - module: The module's name below this probe's scope.
  ///   - position: Which positional input: `inputs_<position>`.
  ///   - call: How many times the module ran before within the step.
  ///   - device: Where the tensor is wanted.
  /// - Throws: ``CaptureError/noGoldenInput(module:slot:step:hint:)`` where the golden has none, and for a
  ///   probe that replays no golden.
  public func input(
    _ module: String, _ position: Int = 0, call: Int = 0, device: Device = .cpu
  ) throws -> Tensor {
    try input(module, String(position), call: call, device: device)
  }

  /// What the golden recorded as a module's keyword input, in the step under way or the next one.
  ///
  /// - Parameters:
  ///   - module: The module's name below this probe's scope.
  ///   - keyword: Which input: `inputs_<keyword>`.
  ///   - call: How many times the module ran before within the step.
  ///   - device: Where the tensor is wanted.
  /// - Throws: ``CaptureError/noGoldenInput(module:slot:step:hint:)`` where the golden has none, and for a
  ///   probe that replays no golden.
  public func input(
    _ module: String, _ keyword: String, call: Int = 0, device: Device = .cpu
  ) throws -> Tensor {
    let module = qualified(module)
    let slot = Slot(Slot.Side.inputs.rawValue).appending(keyword)
    let step = recorder?.stepCount ?? 0
    let source = recorder?.goldenInputs
    let call = CallKey(step: step, module: module, index: call)
    guard let tensor = try source?.tensor(of: call, slot: slot, device: device)
    else {
      throw CaptureError.noGoldenInput(
        module: module, slot: slot, step: step,
        hint: source?.hint(of: call, slot: slot))
    }
    return tensor
  }
}
