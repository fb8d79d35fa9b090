public import AssayTensors

/// What can go wrong with a capture configuration, or between a model and its recorder.
public enum CaptureError: Error, Equatable, Sendable {
  /// The configuration file could not be read.
  case unreadableFile(path: String, reason: String)
  /// The configuration is not a JSON object.
  case notAConfiguration(reason: String)
  /// The configuration has a key that is none of the valid ones.
  case unknownKey(String, valid: [String])
  /// A value has the wrong type.
  case wrongType(key: String, expected: String, found: String)
  /// A value has the right type but cannot be used.
  case invalidValue(key: String, value: String, reason: String)
  /// A model was called outside of ``Probe/step(_:)``.
  case callOutsideStep(module: String)
  /// A step began, or the recording was finished, before the step under way had ended.
  case stepUnderWay(step: Int)
  /// The recording was finished before.
  case finished
  /// The recording holds no tensor, so that nothing could ever be compared with it.
  case nothingRecorded(reason: String)
  /// A step ended while a module call was still running, in a task that nobody awaited.
  case callUnderWay(module: String, step: Int)
  /// A value cannot become a tensor.
  case notConvertible(type: String, reason: String)
  /// A type does not hold tensors of this kind.
  case unfitTensor(type: String, takes: String, dtype: DType, shape: [Int])
  /// A tensor should stand in the place of another one whose type takes no other.
  case notReplaceable(type: String, slot: Slot)
  /// A tensor that should stand in the place of a live one does not fit.
  case unfitReplacement(module: String, slot: Slot, reason: String)
  /// The probe's run does not say what to run.
  case noRecipe
  /// No golden has the input that the model is to be run on; `hint` says what it has.
  case noGoldenInput(module: String, slot: Slot, step: Int, hint: String?)
  /// An environment variable names no sound configuration.
  case invalidEnvironment(variable: String, value: String, reason: String)
}

extension CaptureError: CustomStringConvertible {
  /// The error as one sentence for people.
  public var description: String {
    switch self {
    case .unreadableFile(let path, let reason):
      "cannot read the capture configuration \(path): \(reason)"
    case .notAConfiguration(let reason):
      "the capture configuration must be a JSON object: \(reason)"
    case .unknownKey(let key, let valid):
      "unknown key \"\(key)\" in the capture configuration; valid keys: "
        + valid.joined(separator: ", ")
    case .wrongType(let key, let expected, let found):
      "\"\(key)\" in the capture configuration must be \(expected), not \(found)"
    case .invalidValue(let key, let value, let reason):
      "\"\(key)\" in the capture configuration cannot be \(value): \(reason)"
    case .callOutsideStep(let module):
      "module \(module) was called outside of a step; wrap the model's forward in probe.step"
    case .stepUnderWay(let step):
      "step \(step) is still under way; end it first"
    case .finished:
      "the recording is already finished"
    case .nothingRecorded(let reason):
      "nothing was recorded: \(reason)"
    case .callUnderWay(let module, let step):
      "step \(step) ended while module \(module) was still running; await it within the step"
    case .notConvertible(let type, let reason):
      "\(type) cannot become a tensor: \(reason)"
    case .unfitTensor(let type, let takes, let dtype, let shape):
      "\(type) takes \(takes), not \(dtype) of shape \(shape)"
    case .notReplaceable(let type, let slot):
      "\(slot) cannot be replaced: \(type) does not implement replacingTensors"
    case .unfitReplacement(let module, let slot, let reason):
      "what stands in the place of \(slot) of module \(module) does not fit: \(reason)"
    case .noRecipe:
      "the probe's run has no recipe; pass `recipe:` when the golden is first recorded"
    case .noGoldenInput(let module, let slot, let step, let hint?):
      "the golden has no \(slot) of module \(module) in step \(step); \(hint)"
    case .noGoldenInput(let module, let slot, let step, nil):
      "no golden holds \(slot) of module \(module) in step \(step); give the model an input of its "
        + "own when the golden is first recorded"
    case .invalidEnvironment(let variable, let value, let reason):
      "\(variable)=\"\(value)\": \(reason)"
    }
  }
}
