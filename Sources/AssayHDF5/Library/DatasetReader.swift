#if SystemLibraries
internal import AssayTensors
internal import CHDF5
internal import Foundation

/// Reads one dataset and trusts nothing that its header says.
///
/// It runs inside `Library.call`.
struct DatasetReader {
  private let path: String
  private let dataset: Handle
  private let type: Handle
  private let space: Handle
  private let creation: Handle
  private let fileByteCount: Int
  /// Where the elements are, if not in this file.
  private let virtual: HDF5VirtualTensor?
  private let sources: HDF5VirtualSources?

  init(group: HDF5Group, name: String, fileByteCount: Int) throws {
    try self.init(group.open(name), named: name, of: group, fileByteCount: fileByteCount)
  }

  /// - Parameter object: What the link of that name leads to.
  init(_ object: Handle, named name: String, of group: HDF5Group, fileByteCount: Int) throws {
    path = group.path(of: name)
    dataset = object
    guard H5Iget_type(dataset.id) == H5I_DATASET else {
      throw HDF5Error.unexpected(name: path, found: "not a dataset", expected: "a dataset")
    }
    self.fileByteCount = fileByteCount
    // The layout first: a virtual dataset opens other files as soon as its extents are asked for.
    creation = try Handle(
      H5Dget_create_plist(dataset.id), .propertyList, "read the layout of \(path)")
    sources = group.sources
    let isVirtual = H5Pget_layout(creation.id) == H5D_VIRTUAL
    try DatasetReader.refuseOtherFiles(creation, path: path, besides: isVirtual && sources != nil)
    type = try Handle(H5Dget_type(dataset.id), .datatype, "read the type of \(path)")
    if isVirtual {
      let layout = try VirtualLayout.read(
        creation,
        shapes: try HDF5Attributes(handle: dataset, owner: path).text(VirtualLayout.shapes),
        path: path)
      (virtual, space) = (layout.tensor, layout.space)
    } else {
      virtual = nil
      space = try Handle(H5Dget_space(dataset.id), .dataspace, "read the extents of \(path)")
    }
  }

  private static func refuseOtherFiles(
    _ creation: Handle, path: String, besides isFollowed: Bool
  ) throws {
    if isFollowed { return }
    if H5Pget_layout(creation.id) == H5D_VIRTUAL {
      throw HDF5Error.refusedStorage(
        name: path,
        reason: "a virtual dataset, whose elements are in other files: read them with --virtual, "
          + "or \(gather)")
    }
    if H5Pget_layout(creation.id) != H5D_CHUNKED, H5Pget_external_count(creation.id) != 0 {
      throw HDF5Error.refusedStorage(
        name: path, reason: "external storage: its elements are in other files; \(gather)")
    }
  }

  private static let gather = "take them into the file: h5repack -l CONTI OLD.h5 NEW.h5"

  private var layout: H5D_layout_t { H5Pget_layout(creation.id) }

  /// What the header says.
  func describe() throws -> HDF5Dataset {
    let (dtype, isBigEndian) = try elementType()
    let attributes = HDF5Attributes(handle: dataset, owner: path)
    if H5Sget_simple_extent_type(space.id) == H5S_NULL {
      let shape = try Shape(try attributes.integers("shape") ?? [])
      guard let reason = try attributes.text("skipped") else {
        throw HDF5Error.unexpected(
          name: path, found: "without elements", expected: "the attribute skipped to say why")
      }
      return HDF5Dataset(
        dtype: dtype,
        content: .skipped(shape, reason: reason, digest: try attributes.digest(dtype: dtype)))
    }
    let shape = try Shape(try extents())
    let location = try location(
      byteCount: shape.elementCount * dtype.byteCount, isBigEndian: isBigEndian)
    return HDF5Dataset(dtype: dtype, content: .stored(shape, location))
  }

  /// The dtype on which the datatype and the attribute agree.
  private func elementType() throws -> (DType, isBigEndian: Bool) {
    guard let recognized = Datatype.recognize(type.id) else {
      throw HDF5Error.unknownType(name: path, found: Datatype.describe(type.id))
    }
    let attributes = HDF5Attributes(handle: dataset, owner: path)
    guard let name = try attributes.text("dtype") else {
      throw HDF5Error.unexpected(
        name: path, found: "without the attribute dtype",
        expected: "one that names a dtype of PyTorch")
    }
    guard let dtype = DType(torchName: name) else {
      throw HDF5Error.unsupportedDType(name: path, dtype: name)
    }
    guard recognized.dtypes.contains(dtype) else {
      let stored = recognized.dtypes.map(\.torchName).sorted().joined(separator: " or ")
      throw HDF5Error.unexpected(
        name: path, found: "said to be \(dtype.torchName)", expected: "\(stored), as it is stored")
    }
    return (dtype, recognized.isBigEndian)
  }

  private func extents() throws -> [Int] {
    let rank = try Library.check(
      H5Sget_simple_extent_ndims(space.id), "read the extents of \(path)")
    var extents = [hsize_t](repeating: 0, count: Int(rank))
    try Library.check(
      H5Sget_simple_extent_dims(space.id, &extents, nil), "read the extents of \(path)")
    return extents.map { Int(clamping: $0) }
  }

  /// Where the elements are, with no more bytes than the file can hold.
  private func location(byteCount: Int, isBigEndian: Bool) throws -> HDF5Dataset.Location {
    if byteCount == 0 { return .range(0..<0, isBigEndian: false) }
    if virtual != nil { return .library }
    if layout == H5D_CONTIGUOUS {
      let address = H5Dget_offset(dataset.id)
      guard address != ch5_haddr_undef() else {
        throw HDF5Error.refusedStorage(name: path, reason: "its elements were never written")
      }
      guard let start = Int(exactly: address), start <= fileByteCount,
        byteCount <= fileByteCount - start
      else {
        throw HDF5Error.refusedStorage(
          name: path,
          reason: "its \(byteCount) bytes at \(address) reach beyond the file's \(fileByteCount)")
      }
      return .range(start..<start + byteCount, isBigEndian: isBigEndian)
    }
    try checkFilters()
    let limit = HDF5FileBounds.limit(fileByteCount: fileByteCount)
    guard byteCount <= limit, try chunkByteCount() <= limit else {
      throw HDF5Error.refusedStorage(
        name: path, reason: "\(byteCount) bytes cannot come from a file of \(fileByteCount)")
    }
    return .library
  }

  private func chunkByteCount() throws -> Int {
    guard let chunk = try chunk() else { return 0 }
    return try Shape(chunk).elementCount * H5Tget_size(type.id)
  }

  /// The extents of a chunk.
  private func chunk() throws -> [Int]? {
    guard layout == H5D_CHUNKED else { return nil }
    var extents = [hsize_t](repeating: 1, count: 32)
    let rank = try Library.check(
      H5Pget_chunk(creation.id, 32, &extents), "read the chunks of \(path)")
    return extents.prefix(Int(rank)).map { Int(clamping: $0) }
  }

  /// Lets only those filters run that cannot make more of the file than deflate does.
  private func checkFilters() throws {
    let count = try Library.check(H5Pget_nfilters(creation.id), "read the filters of \(path)")
    let allowed = [H5Z_FILTER_DEFLATE, H5Z_FILTER_SHUFFLE, H5Z_FILTER_FLETCHER32, LZF.filter]
    for index in 0..<UInt32(count) {
      var (flags, configuration) = (UInt32(0), UInt32(0))
      var parameters = [UInt32](repeating: 0, count: 3)
      var parameterCount = parameters.count
      var name = [CChar](repeating: 0, count: 256)
      let filter = H5Pget_filter2(
        creation.id, index, &flags, &parameterCount, &parameters, name.count - 1, &name,
        &configuration)
      guard allowed.contains(filter) else {
        throw HDF5Error.refusedStorage(name: path, reason: Self.refusal(of: filter, named: name))
      }
      guard try filter != LZF.filter || Int(parameters[2]) == chunkByteCount() else {
        throw HDF5Error.refusedStorage(
          name: path, reason: "its filter lzf does not say the size of a chunk as h5py writes it")
      }
    }
  }

  private static func refusal(of filter: H5Z_filter_t, named name: [CChar]) -> String {
    let name = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    let title = name.isEmpty ? "filter \(filter)" : "the filter \(name) (\(filter))"
    // The filters of libhdf5 itself have the numbers below 256.
    return "\(title) is none of deflate, shuffle, fletcher32 and lzf; repack the file: "
      + "h5repack -f NONE OLD.h5 NEW.h5"
      + (filter < 256 ? "" : ", where its plugin is installed; elsewhere h5repack leaves it out")
  }

  /// The elements, by libhdf5 in the file's own type, since its conversions are slow.
  ///
  /// They are read in parts, none of which takes much memory unless the chunks do.
  func read(
    dtype: DType, shape: Shape, willRead: (Int) -> Void, take: (UnsafeRawBufferPointer) -> Void
  ) throws {
    let description = try describe()
    guard case .stored(shape, _) = description.content, description.dtype == dtype else {
      throw HDF5Error.unexpected(
        name: path, found: "another tensor than its header was", expected: "\(dtype) \(shape)")
    }
    guard shape.elementCount > 0 else { return }
    let isBigEndian = Datatype.recognize(type.id)?.isBigEndian ?? false
    let part: (DatasetPart, UnsafeMutableRawPointer) throws -> Void
    if let virtual, let sources {
      guard try isStored(as: dtype) else {
        throw HDF5Error.refusedStorage(name: path, reason: "a virtual dataset of another type")
      }
      part = try sources.reader(of: virtual, dtype: dtype, shape: shape, path: path)
    } else {
      part = { part, base in
        guard let box = part.box else {
          _ = try Library.check(
            H5Dread(dataset.id, type.id, ch5s_all(), ch5s_all(), ch5p_default(), base),
            "read \(path)")
          return
        }
        try read(box, into: .simple(box.map(\.count)), base)
      }
    }
    let parts = DatasetPart.parts(of: shape, dtype: dtype, chunk: try chunk())
    let byteCount = parts.map(\.byteCount).max() ?? 0
    guard let memory = malloc(byteCount) else {
      throw HDF5Error.refusedStorage(
        name: path,
        reason: "its chunks make \(byteCount) bytes at once, more than is allowed of a file of "
          + "\(fileByteCount); take them apart: h5repack -l CONTI OLD.h5 NEW.h5")
    }
    defer { free(memory) }
    let buffer = UnsafeMutableRawBufferPointer(start: memory, count: byteCount)
    for next in parts {
      let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[..<next.byteCount])
      willRead(bytes.count)
      guard let base = bytes.baseAddress else { continue }
      try part(next, base)
      if isBigEndian { HDF5ByteOrder.swap(bytes, unit: dtype.scalarByteCount) }
      take(UnsafeRawBufferPointer(bytes))
    }
  }

  /// Whether the elements stand in the file as Assay writes this dtype.
  func isStored(as dtype: DType) throws -> Bool {
    H5Tequal(type.id, try Datatype.stored(dtype).id) > 0
  }

  /// Reads entries into those that are selected of another dataspace.
  func read(_ box: [Range<Int>], into selection: Handle, _ base: UnsafeMutableRawPointer) throws {
    try space.select(box)
    try Library.check(
      H5Dread(dataset.id, type.id, selection.id, space.id, ch5p_default(), base), "read \(path)")
  }

  /// A text of the schema: one fixed-length string.
  func text() throws -> String {
    guard virtual == nil else {
      throw HDF5Error.refusedStorage(name: path, reason: "a text that is a virtual dataset")
    }
    let size = try FixedText.byteCount(
      type: type, space: space, limit: max(fileByteCount, 1), name: path)
    if layout == H5D_CHUNKED { try checkFilters() }
    if layout == H5D_CONTIGUOUS, H5Dget_offset(dataset.id) == ch5_haddr_undef() {
      throw HDF5Error.refusedStorage(name: path, reason: "its text was never written")
    }
    var bytes = [UInt8](repeating: 0, count: size)
    try Library.check(
      H5Dread(dataset.id, type.id, ch5s_all(), ch5s_all(), ch5p_default(), &bytes), "read \(path)")
    return try FixedText.decode(bytes, type: type, name: path)
  }
}
#endif
