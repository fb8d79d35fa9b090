public import AssayBase
public import AssayTensors

/// One side of one module call, as a writer receives it.
public struct CallPart: Sendable {
  /// The call.
  public var call: CallKey
  /// Which side of the call.
  public var side: Slot.Side
  /// What goes into `inputs.json` or `outputs.json`; `nil` where a converted run has none.
  public var description: JSONValue?
  /// The tensors of this side, in slot order.
  public var tensors: [CapturedTensor]
  /// Of a converted run's inputs, which of them it can show; `nil` for what the part shows itself.
  public var inputCoverage: InputCoverage?

  /// Makes a part.
  public init(
    call: CallKey, side: Slot.Side, description: JSONValue?, tensors: [CapturedTensor],
    inputCoverage: InputCoverage? = nil
  ) {
    self.call = call
    self.side = side
    self.description = description
    self.tensors = tensors
    self.inputCoverage = inputCoverage
  }
}

/// A tensor to be written, or the note that stands for one that was left out.
public enum CapturedTensor: Sendable {
  /// A tensor with its bytes.
  case stored(Slot, Tensor)
  /// A tensor that was skipped, for example because it is too large.
  case skipped(Slot, SkippedTensor)
  /// A tensor that the module had and that could not be recorded, or an object that holds one; the
  /// reason is a sentence without a full stop.
  case notRecorded(Slot, Device, reason: String)
}

extension CapturedTensor {
  /// Which tensor of the call it is.
  package var slot: Slot {
    switch self {
    case .stored(let slot, _), .skipped(let slot, _), .notRecorded(let slot, _, _): slot
    }
  }

  /// Where it lived.
  package var device: Device {
    switch self {
    case .stored(_, let tensor): tensor.device
    case .skipped(_, let note): note.device
    case .notRecorded(_, let device, _): device
    }
  }
}

/// What is known of a tensor whose elements were not written.
public struct SkippedTensor: Hashable, Sendable {
  /// The element type.
  public var dtype: DType
  /// The extents.
  public var shape: Shape
  /// Where the tensor lived.
  public var device: Device
  /// A sentence saying why it was skipped.
  public var reason: String
  /// What stands for its elements; `nil` where nothing does.
  public var digest: TensorDigest?

  /// Makes a note.
  public init(
    dtype: DType, shape: Shape, device: Device, reason: String, digest: TensorDigest? = nil
  ) {
    self.dtype = dtype
    self.shape = shape
    self.device = device
    self.reason = reason
    self.digest = digest
  }
}
