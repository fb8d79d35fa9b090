package import AssayBase
package import AssayTensors

/// One side of one module call, as a writer receives it.
package struct CallPart: Sendable {
  /// The call.
  package var call: CallKey
  /// Which side of the call.
  package var side: Slot.Side
  /// What goes into `inputs.json` or `outputs.json`; `nil` where a converted run has none.
  package var description: JSONValue?
  /// The tensors of this side, in slot order.
  package var tensors: [CapturedTensor]
  /// Of a converted run's inputs, which of them it can show; `nil` for what the part shows itself.
  package var inputCoverage: InputCoverage?

  /// Makes a part.
  package init(
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
package enum CapturedTensor: Sendable {
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
package struct SkippedTensor: Hashable, Sendable {
  /// The element type.
  package var dtype: DType
  /// The extents.
  package var shape: Shape
  /// Where the tensor lived.
  package var device: Device
  /// A sentence saying why it was skipped.
  package var reason: String
  /// What stands for its elements; `nil` where nothing does.
  package var digest: TensorDigest?

  /// Makes a note.
  package init(
    dtype: DType, shape: Shape, device: Device, reason: String, digest: TensorDigest? = nil
  ) {
    self.dtype = dtype
    self.shape = shape
    self.device = device
    self.reason = reason
    self.digest = digest
  }
}
