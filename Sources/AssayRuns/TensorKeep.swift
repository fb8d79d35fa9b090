import AssayTensors

/// What a recording keeps of its tensors.
public enum TensorKeep: String, CaseIterable, Hashable, Sendable {
  /// Every element.
  case full
  /// A digest, and some elements as well.
  case sample
  /// A digest: figures, a hash of the bytes and a random projection.
  case digest
}

extension TensorKeep {
  /// Whether a tensor is kept whole: one that is no larger than what would stand for it.
  func isWhole(_ tensor: Tensor) -> Bool {
    // Packed numbers are few bits each: no recorder digests them.
    if tensor.dtype.packedCount > 1 { return true }
    return switch self {
    case .full: true
    case .sample: tensor.elementCount <= TensorDigest.sampleCount
    case .digest: tensor.elementCount <= TensorDigest.projectionCount
    }
  }

  /// The sentence that stands where the elements would.
  var note: String {
    switch self {
    case .full: ""
    case .sample: "only a digest and a sample were kept"
    case .digest: "only a digest was kept"
    }
  }

  /// What is kept of a tensor.
  func kept(_ slot: Slot, _ tensor: Tensor) -> CapturedTensor {
    if isWhole(tensor) { return .stored(slot, tensor) }
    return .skipped(
      slot,
      SkippedTensor(
        dtype: tensor.dtype, shape: tensor.shape, device: tensor.device, reason: note,
        digest: TensorDigest(of: tensor, withSample: self == .sample)))
  }
}

extension RunEvent {
  /// The event with digests in place of the tensors that are not kept whole.
  ///
  /// What was skipped or digested before stays as it is.
  package func keeping(_ keep: TensorKeep) -> RunEvent {
    guard keep != .full, case .captured(var part) = self else { return self }
    part.tensors = part.tensors.map { captured in
      guard case .stored(let slot, let tensor) = captured else { return captured }
      return keep.kept(slot, tensor)
    }
    return .captured(part)
  }
}
