#if SystemLibraries
internal import AssayTensors

/// A group with what is in it and below, as a child lists it.
struct HDF5Listing {
  /// The links, or why they cannot be listed.
  var links: Result<[Entry], HDF5Error>
  /// The text attributes that were asked for, in that order.
  var attributes: [Result<String?, HDF5Error>]

  struct Entry {
    var link: HDF5Link
    var object: Object
  }

  /// What a link leads to.
  indirect enum Object {
    case group(HDF5Listing)
    /// A dataset's header, or what is wrong with it.
    case dataset(Result<HDF5Dataset, HDF5Error>)
    /// It cannot be opened.
    case closed(HDF5Error)
    /// It was met before, or lies deeper than was asked for.
    case unknown
  }
}

/// The one place where a listing's parts are told apart: the child writes it piece by piece.
enum HDF5ListingMark {
  static let links: UInt8 = 1
  static let failure: UInt8 = 2
  static let none: UInt8 = 3
  static let group: UInt8 = 4
  static let dataset: UInt8 = 5
  static let badDataset: UInt8 = 6
  static let closed: UInt8 = 7
  static let unknown: UInt8 = 8
  static let text: UInt8 = 9
}

extension HDF5MessageReader {
  /// A group that is listed.
  ///
  /// - Parameters:
  ///   - levels: How many levels of groups there may be below.
  ///   - file: What datasets are held against.
  mutating func listing(
    levels: Int, attributes: Int, in file: HDF5FileBounds
  ) throws -> HDF5Listing {
    typealias Mark = HDF5ListingMark
    let texts = try (0..<attributes).map { _ -> Result<String?, HDF5Error> in
      switch try byte() {
      case Mark.none: .success(nil)
      case Mark.text: .success(try text())
      case Mark.failure: .failure(try error())
      default: throw Nonsense()
      }
    }
    switch try byte() {
    case Mark.failure: return HDF5Listing(links: .failure(try error()), attributes: texts)
    case Mark.links: break
    default: throw Nonsense()
    }
    let entries = try list { reader in
      let link = HDF5Link(name: try reader.text(), address: try reader.number())
      let object: HDF5Listing.Object
      switch try reader.byte() {
      case Mark.group:
        guard levels > 0 else { throw Nonsense() }
        object = .group(
          try reader.listing(levels: levels - 1, attributes: attributes, in: file))
      case Mark.dataset: object = .dataset(.success(try reader.dataset(in: file)))
      case Mark.badDataset: object = .dataset(.failure(try reader.error()))
      case Mark.closed: object = .closed(try reader.error())
      case Mark.unknown: object = .unknown
      default: throw Nonsense()
      }
      return HDF5Listing.Entry(link: link, object: object)
    }
    return HDF5Listing(links: .success(entries), attributes: texts)
  }
}

extension HDF5MessageWriter {
  mutating func add(_ dataset: HDF5Dataset) {
    add(dataset.dtype)
    switch dataset.content {
    case .stored(let shape, .range(let range, let isBigEndian)):
      add(isBigEndian ? 2 : 1 as UInt8)
      add(shape)
      add(range)
    case .stored(let shape, .library):
      add(3 as UInt8)
      add(shape)
    case .skipped(let shape, let reason, let digest):
      add(4 as UInt8)
      add(shape)
      add(reason)
      add(optional: digest) { writer, digest in
        writer.add(digest.figures)
        writer.add(optional: digest.projection) { writer, values in
          writer.add(list: values) { $0.add(UInt64($1.bitPattern)) }
        }
        writer.add(optional: digest.sample) { $0.add($1) }
      }
    }
  }
}

extension HDF5MessageReader {
  /// A dataset's description, which must fit into the file.
  mutating func dataset(in file: HDF5FileBounds) throws -> HDF5Dataset {
    let dtype = try dtype()
    let kind = try byte()
    let shape = try shape()
    let byteCount = shape.elementCount * dtype.byteCount
    switch kind {
    case 1, 2:
      let range = try range()
      guard range.upperBound <= file.byteCount, range.count == byteCount else { throw Nonsense() }
      return HDF5Dataset(
        dtype: dtype, content: .stored(shape, .range(range, isBigEndian: kind == 2)))
    case 3:
      guard file.canHold(byteCount) else { throw Nonsense() }
      return HDF5Dataset(dtype: dtype, content: .stored(shape, .library))
    case 4:
      let reason = try text()
      let digest = try optional { reader in
        HDF5Digest(
          figures: try reader.text(),
          projection: try reader.optional { reader in
            try reader.list { Float(bitPattern: UInt32(truncatingIfNeeded: try $0.number())) }
          },
          sample: try reader.optional { try $0.data() })
      }
      if let digest {
        guard digest.projection?.count ?? 0 <= HDF5Digest.elementLimit,
          digest.sample?.count ?? 0 <= HDF5Digest.elementLimit * dtype.byteCount
        else { throw Nonsense() }
      }
      return HDF5Dataset(
        dtype: dtype, content: .skipped(shape, reason: reason, digest: digest))
    default: throw Nonsense()
    }
  }
}
#endif
