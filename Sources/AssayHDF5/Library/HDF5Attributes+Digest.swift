#if SystemLibraries
internal import AssayTensors
internal import CHDF5

extension HDF5Attributes {
  private static let figures = "digest"
  private static let projection = "projection"
  private static let sample = "sample"

  /// Adds a digest of a tensor.
  func set(_ digest: HDF5Digest, dtype: DType) throws {
    try set(HDF5Attributes.figures, text: digest.figures)
    if let values = digest.projection {
      try values.withUnsafeBytes {
        try set(HDF5Attributes.projection, bytes: $0, dtype: .float32)
      }
    }
    if let elements = digest.sample {
      try elements.withUnsafeBytes { try set(HDF5Attributes.sample, bytes: $0, dtype: dtype) }
    }
  }

  /// The digest, or `nil` where there is none.
  ///
  /// - Throws: ``HDF5Error`` for attributes of other types or sizes.
  func digest(dtype: DType) throws -> HDF5Digest? {
    guard let figures = try text(HDF5Attributes.figures) else { return nil }
    let projection = try elements(HDF5Attributes.projection, dtype: .float32).map { bytes in
      bytes.withUnsafeBytes { bytes in
        (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
      }
    }
    return HDF5Digest(
      figures: figures, projection: projection,
      sample: try elements(HDF5Attributes.sample, dtype: dtype))
  }

  private func set(_ name: String, bytes: UnsafeRawBufferPointer, dtype: DType) throws {
    guard let base = bytes.baseAddress else { return }
    let type = try Datatype.stored(dtype)
    let space = try Handle.simple([bytes.count / dtype.byteCount])
    let attribute = try Handle(
      H5Acreate2(handle.id, name, type.id, space.id, ch5p_default(), ch5p_default()), .attribute,
      "create \(owner)@\(name)")
    try Library.check(H5Awrite(attribute.id, type.id, base), "write \(owner)@\(name)")
  }

  /// The little-endian bytes of a list of elements.
  private func elements(_ name: String, dtype: DType) throws -> [UInt8]? {
    guard try contains(name) else { return nil }
    let attribute = try Handle(
      H5Aopen(handle.id, name, ch5p_default()), .attribute, "open \(owner)@\(name)")
    let type = try Handle(H5Aget_type(attribute.id), .datatype, "read \(owner)@\(name)")
    let space = try Handle(H5Aget_space(attribute.id), .dataspace, "read \(owner)@\(name)")
    let count = H5Sget_simple_extent_npoints(space.id)
    guard let recognized = Datatype.recognize(type.id), recognized.dtypes.contains(dtype),
      (1...HDF5Digest.elementLimit).contains(Int(clamping: count))
    else {
      throw HDF5Error.unexpected(
        name: "\(owner)@\(name)", found: "\(count) × \(Datatype.describe(type.id))",
        expected: "at most \(HDF5Digest.elementLimit) elements of \(dtype.torchName)")
    }
    var bytes = [UInt8](repeating: 0, count: Int(count) * dtype.byteCount)
    try bytes.withUnsafeMutableBytes { buffer in
      guard let base = buffer.baseAddress else { return }
      try Library.check(H5Aread(attribute.id, type.id, base), "read \(owner)@\(name)")
      if recognized.isBigEndian { HDF5ByteOrder.swap(buffer, unit: dtype.scalarByteCount) }
    }
    return bytes
  }
}
#endif
