package import AssayTensors

/// A dataset as its header describes it.
package struct HDF5Dataset: Sendable {
  /// The element type, on which the datatype and the attribute `dtype` agree.
  package let dtype: DType
  /// What the dataset holds.
  package let content: Content

  /// What a dataset holds.
  package enum Content: Sendable {
    /// The elements of a tensor.
    case stored(Shape, Location)
    /// A note only: the shape that was left out, and why.
    case skipped(Shape, reason: String, digest: HDF5Digest?)
  }

  /// Where a tensor's bytes are.
  package enum Location: Hashable, Sendable {
    /// In one piece of the file.
    case range(Range<Int>, isBigEndian: Bool)
    /// Where only libhdf5 finds them: in chunks, compressed or within the header.
    case library
  }
}
