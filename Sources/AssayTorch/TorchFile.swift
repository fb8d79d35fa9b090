import AssayBase
public import AssayTensors

/// Reads and writes PyTorch's `.pt` files without Python.
public enum TorchFile {
  /// Reads everything a `.pt` file holds.
  ///
  /// The file is mapped into memory; tensors share the mapping unless their bytes are compressed
  /// or of the other byte order.
  ///
  /// - Parameter path: A file that `torch.save` wrote, in the zip or in the legacy format.
  /// - Returns: The value; a part of it that is of a kind not known here, such as a sparse tensor, is
  ///   ``TorchValue/unreadable(reason:)``.
  /// - Throws: ``TorchError``; what the pickle says is never executed.
  public static func load(path: String) throws(TorchError) -> TorchValue {
    let file: MappedFile
    do { file = try MappedFile(path: path) } catch {
      throw standIn(at: path) ?? .unreadable(path: path, reason: error.reason)
    }
    let startsAsZip = file.withUnsafeBytes {
      $0.count >= 4 && UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self)) == 0x0403_4B50
    }
    let value: TorchValue
    do {
      value = try startsAsZip ? ZipFile.load(file) : LegacyFile.load(file)
    } catch {
      throw startsAsZip ? error : standIn(at: path) ?? error
    }
    if case .unreadable(let reason) = value { throw .unsupported(path: path, reason: reason) }
    return value
  }

  private static func standIn(at path: String) -> TorchError? {
    StandIn(at: path).map { .unreadable(path: path, reason: "it \($0.text)") }
  }

  /// Reads a `.pt` file that holds one tensor and nothing else.
  ///
  /// - Parameter path: A file that `torch.save(tensor, path)` wrote.
  /// - Throws: ``TorchError/notOneTensor(path:found:)`` when it holds anything else.
  public static func loadTensor(path: String) throws(TorchError) -> Tensor {
    let value = try load(path: path)
    guard case .tensor(let tensor) = value else {
      throw .notOneTensor(path: path, found: value.summary)
    }
    return tensor
  }

  /// Writes a tensor as `torch.save(tensor, path)` does.
  ///
  /// The bytes go to a temporary name in the same folder, which is renamed when it is whole.
  ///
  /// - Parameters:
  ///   - tensor: Any tensor; a strided one is written contiguous.
  ///   - path: The file to make or replace.
  /// - Throws: ``TorchError/unwritable(path:reason:)``; then no file is left behind.
  public static func write(_ tensor: Tensor, to path: String) throws(TorchError) {
    do {
      try TensorWriter.write(tensor, to: path)
    } catch {
      throw .unwritable(path: path, reason: error.reason)
    }
  }
}
