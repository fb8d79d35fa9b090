internal import AssayTensors
internal import CHDF5

/// What stands for the elements of a dataset that has none: attributes of it.
package struct HDF5Digest: Hashable, Sendable {
  /// Figures, as JSON.
  package var figures: String
  /// The random projection.
  package var projection: [Float]?
  /// Some elements in the tensor's dtype, little-endian.
  package var sample: [UInt8]?

  /// Makes a digest.
  package init(figures: String, projection: [Float]?, sample: [UInt8]?) {
    self.figures = figures
    self.projection = projection
    self.sample = sample
  }
}

extension HDF5Attributes {
  private static let figures = "digest"
  private static let projection = "projection"
  private static let sample = "sample"

  // Far more than a digest of this version holds, and little enough for the object's header.
  static let elementLimit = 4096

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
      (1...HDF5Attributes.elementLimit).contains(Int(clamping: count))
    else {
      throw HDF5Error.unexpected(
        name: "\(owner)@\(name)", found: "\(count) × \(Datatype.describe(type.id))",
        expected: "at most \(HDF5Attributes.elementLimit) elements of \(dtype.torchName)")
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
