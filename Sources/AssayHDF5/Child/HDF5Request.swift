#if SystemLibraries
internal import AssayTensors

/// What a child is asked for.
///
/// Things of the file are named by the links that lead to them from the root.
enum HDF5Request: Equatable {
  /// To bound itself and to open the file; the first that it is asked for.
  ///
  /// - Parameters:
  ///   - name: The file's name in messages; `nil` for a child without a file.
  ///   - byteCount: Its size.
  ///   - folder: Below which files virtual datasets may have their elements; `nil` refuses them.
  case open(name: String?, byteCount: Int, folder: String?)
  /// For whether a group has a link.
  case contains(group: [String], name: String)
  /// For a group's links, and as many levels of groups below it, with text attributes of each.
  case list(group: [String], levels: Int, attributes: [String])
  /// For what a dataset's header says.
  case dataset([String])
  /// For the text that a dataset is.
  case text([String])
  /// For a text that is an attribute of a group.
  case textAttribute(group: [String], name: String)
  /// For integers that are an attribute of a group.
  case integersAttribute(group: [String], name: String)
  /// For a tensor's elements, row-major and little-endian.
  case elements([String], DType, Shape)
  /// For whether the sources of a virtual dataset are there.
  case check(HDF5VirtualTensor, DType, Shape)
}

extension HDF5Request {
  /// What is asked for, as part of a sentence about who does it.
  var operation: String {
    func path(_ names: [String]) -> String { "/" + names.joined(separator: "/") }
    return switch self {
    case .open: "opened the file"
    case .contains(let group, _), .list(let group, _, _): "listed \(path(group))"
    case .dataset(let names), .text(let names), .elements(let names, _, _): "read \(path(names))"
    case .textAttribute(let group, let name), .integersAttribute(let group, let name):
      "read \(path(group))@\(name)"
    case .check: "looked for the sources of a virtual dataset"
    }
  }

  /// The request as it is sent.
  var message: [UInt8] {
    var writer = HDF5MessageWriter()
    func add(_ kind: UInt8, _ names: [String]) {
      writer.add(kind)
      writer.add(list: names) { $0.add($1) }
    }
    switch self {
    case .open(let name, let byteCount, let folder):
      writer.add(1 as UInt8)
      writer.add(optional: name) { $0.add($1) }
      writer.add(byteCount)
      writer.add(optional: folder) { $0.add($1) }
    case .contains(let group, let name):
      add(2, group)
      writer.add(name)
    case .list(let group, let levels, let attributes):
      add(3, group)
      writer.add(levels)
      writer.add(list: attributes) { $0.add($1) }
    case .dataset(let names): add(4, names)
    case .text(let names): add(5, names)
    case .textAttribute(let group, let name):
      add(6, group)
      writer.add(name)
    case .integersAttribute(let group, let name):
      add(7, group)
      writer.add(name)
    case .elements(let names, let dtype, let shape):
      add(8, names)
      writer.add(dtype)
      writer.add(shape)
    case .check(let tensor, let dtype, let shape):
      add(9, [])
      writer.add(list: tensor.sources) { writer, source in
        writer.add(source.file)
        writer.add(list: source.names) { $0.add($1) }
        writer.add(source.shape)
      }
      writer.add(list: tensor.slabs) { writer, slab in
        writer.add(slab.source)
        writer.add(list: slab.from) { $0.add($1) }
        writer.add(list: slab.to) { $0.add($1) }
      }
      writer.add(dtype)
      writer.add(shape)
    }
    return writer.bytes
  }

  /// Takes a request apart.
  init(_ message: [UInt8]) throws {
    var reader = HDF5MessageReader(message)
    let kind = try reader.byte()
    let names = kind == 1 ? [] : try reader.list { try $0.text() }
    switch kind {
    case 1:
      self = .open(
        name: try reader.optional { try $0.text() }, byteCount: try reader.integer(),
        folder: try reader.optional { try $0.text() })
    case 2: self = .contains(group: names, name: try reader.text())
    case 3:
      self = .list(
        group: names, levels: try reader.integer(), attributes: try reader.list { try $0.text() })
    case 4: self = .dataset(names)
    case 5: self = .text(names)
    case 6: self = .textAttribute(group: names, name: try reader.text())
    case 7: self = .integersAttribute(group: names, name: try reader.text())
    case 8: self = .elements(names, try reader.dtype(), try reader.shape())
    case 9:
      let sources = try reader.list { reader in
        HDF5VirtualTensor.Source(
          file: try reader.text(), names: try reader.list { try $0.text() },
          shape: try reader.shape())
      }
      let slabs = try reader.list { reader in
        HDF5VirtualTensor.Slab(
          source: try reader.integer(), from: try reader.list { try $0.range() },
          to: try reader.list { try $0.range() })
      }
      self = .check(
        HDF5VirtualTensor(sources: sources, slabs: slabs), try reader.dtype(), try reader.shape())
    default: throw HDF5MessageReader.Nonsense()
    }
    try reader.finish()
  }
}

extension HDF5MessageWriter {
  mutating func add(_ range: Range<Int>) {
    add(range.lowerBound)
    add(range.upperBound)
  }
}

extension HDF5MessageReader {
  mutating func range() throws -> Range<Int> {
    let (start, end) = (try integer(), try integer())
    guard start >= 0, start <= end else { throw Nonsense() }
    return start..<end
  }
}
#endif
