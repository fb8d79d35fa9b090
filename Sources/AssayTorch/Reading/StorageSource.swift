internal import AssayTensors

/// Where the bytes of storages come from.
protocol StorageSource {
  /// Whether elements of more than one byte have their highest byte first.
  var isBigEndian: Bool { get }

  /// The bytes of a storage, exactly as many as the reference says.
  func bytes(
    of reference: StorageReference, budget: inout MemoryBudget
  ) throws(TorchError) -> Storage
}
