#if SystemLibraries
package import AssayTensors
internal import CHDF5

extension HDF5Group {
  /// What a link leads to.
  enum Object {
    case group(HDF5Group)
    /// What a dataset's header says, or what is wrong with it.
    case dataset(Result<HDF5Dataset, any Error>)
  }

  /// Opens what a link leads to, and describes it.
  func object(_ name: String, fileByteCount: Int) throws -> Object {
    try Library.call {
      let object = try open(name)
      if let group = group(object, name) { return .group(group) }
      return .dataset(
        Result {
          try DatasetReader(object, named: name, of: self, fileByteCount: fileByteCount).describe()
        })
    }
  }

  /// Reads the header of a tensor's dataset, and checks it against the file's size.
  ///
  /// - Parameters:
  ///   - name: The link's name.
  ///   - fileByteCount: The size of the whole file.
  /// - Throws: ``HDF5Error`` for anything that the schema does not allow, before anything is
  ///   allocated.
  func dataset(_ name: String, fileByteCount: Int) throws -> HDF5Dataset {
    try Library.call {
      try DatasetReader(group: self, name: name, fileByteCount: fileByteCount).describe()
    }
  }

  /// Reads a tensor's elements part by part, row-major and little-endian.
  ///
  /// - Parameters:
  ///   - dtype: What its header has said before.
  ///   - shape: What its header has said before.
  ///   - willRead: Is told how many bytes are read next.
  ///   - take: Gets them.
  func readTensor(
    _ name: String, dtype: DType, shape: Shape, fileByteCount: Int, willRead: (Int) -> Void,
    take: (UnsafeRawBufferPointer) -> Void
  ) throws {
    try Library.call {
      try DatasetReader(group: self, name: name, fileByteCount: fileByteCount)
        .read(dtype: dtype, shape: shape, willRead: willRead, take: take)
    }
  }

  /// Reads a text, which takes no more bytes than the file has.
  func readText(_ name: String, fileByteCount: Int) throws -> String {
    try Library.call {
      try DatasetReader(group: self, name: name, fileByteCount: fileByteCount).text()
    }
  }
}
#endif
