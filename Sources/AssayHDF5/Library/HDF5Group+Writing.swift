#if SystemLibraries
internal import AssayBase
package import AssayTensors
internal import CHDF5

extension HDF5Group {
  /// Writes a tensor: contiguous, without filters, and its dtype's name beside it.
  ///
  /// - Parameters:
  ///   - name: The link's name.
  ///   - bytes: All elements, row-major and little-endian.
  /// - Returns: Where in the file the bytes are; of no meaning for a tensor without elements.
  /// - Throws: ``HDF5Error/library(operation:causes:)``, for a full disk as well.
  package func writeTensor(
    _ name: String, dtype: DType, shape: Shape, bytes: UnsafeRawBufferPointer
  ) throws -> UInt64 {
    precondition(bytes.count == shape.elementCount * dtype.byteCount)
    let path = path(of: try usable(name))
    return try Library.call {
      let space = try shape.rank == 0 ? Handle.scalar() : .simple(shape.dimensions)
      let type = try Datatype.stored(dtype)
      let dataset = try create(name, type: type, space: space)
      try HDF5Attributes(handle: dataset, owner: path).set("dtype", text: dtype.torchName)
      if let base = bytes.baseAddress, !bytes.isEmpty {
        try Library.check(
          H5Dwrite(dataset.id, type.id, ch5s_all(), ch5s_all(), ch5p_default(), base),
          "write \(path)")
      }
      let start = H5Dget_offset(dataset.id)
      try dataset.close("write \(path)")
      return UInt64(start)
    }
  }

  /// Writes a tensor as a virtual dataset: its elements stay where they are.
  ///
  /// - Parameter tensor: At least one slab; together all elements, at least one.
  package func writeVirtual(
    _ name: String, dtype: DType, shape: Shape, _ tensor: HDF5VirtualTensor
  ) throws {
    let path = path(of: try usable(name))
    try Library.call {
      let dataset = try create(
        name, type: try Datatype.stored(dtype), space: try .simple(shape.dimensions),
        with: try VirtualLayout.creation(of: tensor, shape: shape))
      let attributes = HDF5Attributes(handle: dataset, owner: path)
      try attributes.set("dtype", text: dtype.torchName)
      let shapes = tensor.firstUsed.map { source in
        JSONValue.array(source.shape.dimensions.map { .integer(Int64($0)) })
      }
      try attributes.set(
        VirtualLayout.shapes,
        text: String(decoding: JSONValue.array(shapes).encoded(), as: UTF8.self))
      try dataset.close("write \(path)")
    }
  }

  /// Writes the note of a tensor that was left out: a dataset without elements.
  ///
  /// - Parameter digest: What stands for the elements.
  package func writeSkipped(
    _ name: String, dtype: DType, shape: Shape, reason: String, digest: HDF5Digest? = nil
  ) throws {
    let path = path(of: try usable(name))
    try Library.call {
      let dataset = try create(name, type: try Datatype.stored(dtype), space: try .null())
      let attributes = HDF5Attributes(handle: dataset, owner: path)
      try attributes.set("dtype", text: dtype.torchName)
      try attributes.set("shape", integers: shape.dimensions)
      try attributes.set("skipped", text: reason)
      if let digest { try attributes.set(digest, dtype: dtype) }
      try dataset.close("write \(path)")
    }
  }

  /// Writes a text as one fixed-length UTF-8 string.
  package func writeText(_ name: String, _ text: String) throws {
    let path = path(of: try usable(name))
    try Library.call {
      let type = try Datatype.string(byteCount: text.utf8.count)
      let dataset = try create(name, type: type, space: try .scalar())
      var bytes = Array(text.utf8)
      if bytes.isEmpty { bytes = [0] }
      try Library.check(
        H5Dwrite(dataset.id, type.id, ch5s_all(), ch5s_all(), ch5p_default(), bytes),
        "write \(path)")
      try dataset.close("write \(path)")
    }
  }

  private func create(
    _ name: String, type: Handle, space: Handle, with properties: Handle? = nil
  ) throws -> Handle {
    let list = try properties ?? DatasetCreation.list()
    return try Handle(
      H5Dcreate2(handle.id, name, type.id, space.id, ch5p_default(), list.id, ch5p_default()),
      .dataset, "create \(path(of: name))")
  }
}

/// How datasets are made.
private enum DatasetCreation {
  private static let shared: Handle? = Library.call { try? make() }

  static func list() throws -> Handle {
    if let shared { return shared }
    return try make()
  }

  private static func make() throws -> Handle {
    let list = try Handle(H5Pcreate(ch5p_dataset_create()), .propertyList, "prepare a dataset")
    let status = [
      H5Pset_layout(list.id, H5D_CONTIGUOUS),
      // The space is taken at once and written once.
      H5Pset_alloc_time(list.id, H5D_ALLOC_TIME_EARLY),
      H5Pset_fill_time(list.id, H5D_FILL_TIME_NEVER),
      H5Pset_obj_track_times(list.id, false),
    ]
    try Library.check(status.min() ?? 0, "prepare a dataset")
    return list
  }
}
#endif
