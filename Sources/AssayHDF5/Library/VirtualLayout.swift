#if SystemLibraries
internal import AssayBase
internal import AssayTensors
internal import CHDF5
internal import Foundation

/// The layout of a virtual dataset, read without a look at the files that it names.
///
/// It runs inside `Library.call`.
enum VirtualLayout {
  /// The attribute with the shapes of the sources, in the order in which they come first: the file
  /// format keeps none, and a source of another shape is another tensor.
  static let shapes = "source_shapes"
  private static let slabLimit = 1 << 20

  /// Makes the properties of a dataset that is to be created.
  static func creation(of tensor: HDF5VirtualTensor, shape: Shape) throws -> Handle {
    let list = try Handle(H5Pcreate(ch5p_dataset_create()), .propertyList, "prepare a dataset")
    try Library.check(H5Pset_obj_track_times(list.id, false), "prepare a dataset")
    let whole = try Handle.simple(shape.dimensions)
    let sources = try tensor.sources.map { try Handle.simple($0.shape.dimensions) }
    for slab in tensor.slabs {
      let source = tensor.sources[slab.source]
      try whole.select(slab.to)
      try sources[slab.source].select(slab.from)
      try Library.check(
        H5Pset_virtual(
          list.id, whole.id, escaped(source.file),
          escaped("/" + source.names.joined(separator: "/")), sources[slab.source].id),
        "refer to \(source.file)")
    }
    return list
  }

  /// Reads the layout.
  ///
  /// - Parameters:
  ///   - creation: The dataset's creation properties.
  ///   - shapes: What its attribute ``shapes`` holds.
  static func read(
    _ creation: Handle, shapes: String?, path: String
  ) throws -> (tensor: HDF5VirtualTensor, space: Handle) {
    func refused(_ reason: String) -> HDF5Error { .refusedStorage(name: path, reason: reason) }
    var count = 0
    try Library.check(H5Pget_virtual_count(creation.id, &count), "read the layout of \(path)")
    guard (1...slabLimit).contains(count) else {
      throw refused("a virtual dataset of \(count) parts")
    }
    guard let shapes, let json = try? JSONValue(decoding: Data(shapes.utf8)),
      let items = json.items
    else {
      throw refused(
        "a virtual dataset without the attribute \(self.shapes), with which Assay writes them; "
          + "take it into a file: h5repack -l CONTI OLD.h5 NEW.h5")
    }
    var known = try items.map { item in
      try Shape((item.items ?? []).map { $0.int ?? -1 })
    }[...]
    var tensor = HDF5VirtualTensor(sources: [], slabs: [])
    var positions: [[String]: Int] = [:]
    var space: Handle?
    for index in 0..<count {
      let whole = try Handle(
        H5Pget_virtual_vspace(creation.id, index), .dataspace, "read the layout of \(path)")
      let part = try Handle(
        H5Pget_virtual_srcspace(creation.id, index), .dataspace, "read the layout of \(path)")
      let file = try text(path) { H5Pget_virtual_filename(creation.id, index, $0, $1) }
      let dataset = try text(path) { H5Pget_virtual_dsetname(creation.id, index, $0, $1) }
      guard let to = try whole.box(), let from = try part.box(), let file = unescaped(file),
        let dataset = unescaped(dataset), dataset.utf8.first == 0x2F
      else { throw refused("part \(index) of the virtual dataset is not as Assay writes it") }
      let position = positions[[file, dataset]] ?? tensor.sources.count
      if position == tensor.sources.count {
        guard let shape = known.popFirst() else {
          throw refused("the attribute \(self.shapes) has fewer shapes than there are sources")
        }
        positions[[file, dataset]] = position
        tensor.sources.append(
          HDF5VirtualTensor.Source(
            file: file, names: dataset.dropFirst().parts(separatedBy: "/"), shape: shape))
      }
      tensor.slabs.append(HDF5VirtualTensor.Slab(source: position, from: from, to: to))
      space = space ?? whole
    }
    guard known.isEmpty, let space else {
      throw refused("the attribute \(self.shapes) has more shapes than there are sources")
    }
    return (tensor, space)
  }

  /// A name as libhdf5 takes it, for which `%` begins a pattern.
  private static func escaped(_ name: String) -> String { name.replacing("%", with: "%%") }

  private static func unescaped(_ name: String) -> String? {
    let plain = name.replacing("%%", with: "%")
    return escaped(plain).isSame(as: name) ? plain : nil
  }

  private static func text(
    _ path: String, _ read: (UnsafeMutablePointer<CChar>?, Int) -> Int
  ) throws -> String {
    let length = try Library.check(read(nil, 0), "read the layout of \(path)")
    guard length < 1 << 16 else {
      throw HDF5Error.refusedStorage(name: path, reason: "a source's name has \(length) bytes")
    }
    var bytes = [CChar](repeating: 0, count: length + 1)
    try bytes.withUnsafeMutableBufferPointer {
      _ = try Library.check(read($0.baseAddress, $0.count), "read the layout of \(path)")
    }
    guard
      let text = String(
        validating: bytes.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
    else { throw HDF5Error.unusableText(path) }
    return text
  }
}

extension Handle {
  /// Selects a box of a dataspace, and nothing else.
  func select(_ box: [Range<Int>]) throws {
    let start = box.map { hsize_t($0.lowerBound) }
    let count = box.map { hsize_t($0.count) }
    try Library.check(
      H5Sselect_hyperslab(id, H5S_SELECT_SET, start, nil, count, nil), "select elements")
  }

  /// The entries along each axis that are selected; `nil` where they are no box.
  fileprivate func box() throws -> [Range<Int>]? {
    let rank = Int(try Library.check(H5Sget_simple_extent_ndims(id), "read a dataspace"))
    var extents = [hsize_t](repeating: 0, count: rank)
    try Library.check(H5Sget_simple_extent_dims(id, &extents, nil), "read a dataspace")
    if H5Sget_select_type(id) == H5S_SEL_ALL { return extents.map { 0..<Int(clamping: $0) } }
    guard H5Sget_select_type(id) == H5S_SEL_HYPERSLABS, H5Sis_regular_hyperslab(id) > 0 else {
      return nil
    }
    var (start, stride) = (extents, extents)
    var (count, block) = (extents, extents)
    try Library.check(
      H5Sget_regular_hyperslab(id, &start, &stride, &count, &block), "read a dataspace")
    var box: [Range<Int>] = []
    for axis in 0..<rank {
      guard count[axis] == 1 || stride[axis] == block[axis],
        let first = Int(exactly: start[axis]), let blocks = Int(exactly: count[axis]),
        let size = Int(exactly: block[axis]), blocks < 1 << 40, size < 1 << 22 || blocks == 1,
        size < 1 << 48, first < 1 << 48
      else { return nil }
      box.append(first..<first + blocks * size)
    }
    return box
  }
}
#endif
