internal import AssayHDF5
internal import AssayTensors

/// Which tensors of a run that is written stay in other files.
package struct VirtualTensors: Sendable {
  /// Where the elements of a tensor are; `nil` for one that is to be written itself.
  let find: @Sendable (TensorKey, Tensor) throws -> HDF5VirtualTensor?
}
