public import AssayTensors

/// Reads a run from one HDF5 file of the schema `assay.hdf5/1`.
public final class HDF5RunReader: RunReader {
  public let path: String
  public let manifest: RunManifest
  public let steps: [StepRecord]

  /// Opens a file and reads what it holds, except the tensors.
  ///
  /// - Parameter path: The file.
  /// - Throws: ``RunError/notFound(path:)``, ``RunError/notARun(path:reason:)`` for a file that is
  ///   not HDF5 or not of the schema, ``RunError/damaged(path:reason:)``.
  public init(path: String) throws {
    throw RunError.notARun(path: path, reason: "not implemented yet")
  }

  public func tensor(_ key: TensorKey) throws -> Tensor {
    throw RunError.unreadableTensor(key, path: path, reason: "not implemented yet")
  }
}
