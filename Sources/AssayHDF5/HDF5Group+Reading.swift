package import AssayTensors
internal import CHDF5

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

extension HDF5Group {
  /// Reads the header of a tensor's dataset, and checks it against the file's size.
  ///
  /// - Parameters:
  ///   - name: The link's name.
  ///   - fileByteCount: The size of the whole file.
  /// - Throws: ``HDF5Error`` for anything that the schema does not allow, before anything is
  ///   allocated.
  package func dataset(_ name: String, fileByteCount: Int) throws -> HDF5Dataset {
    try Library.call {
      try DatasetReader(group: self, name: name, fileByteCount: fileByteCount).describe()
    }
  }

  /// Reads a tensor's bytes by libhdf5 where they do not lie in one piece of the file.
  ///
  /// - Returns: All elements, row-major and little-endian.
  package func readTensor(_ name: String, fileByteCount: Int) throws -> Storage {
    try Library.call {
      try DatasetReader(group: self, name: name, fileByteCount: fileByteCount).read()
    }
  }

  /// Reads a text, which takes no more bytes than the file has.
  package func readText(_ name: String, fileByteCount: Int) throws -> String {
    try Library.call {
      try DatasetReader(group: self, name: name, fileByteCount: fileByteCount).text()
    }
  }
}
