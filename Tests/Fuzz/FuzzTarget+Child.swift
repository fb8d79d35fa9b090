import AssayTensors

@testable import AssayHDF5

extension FuzzTarget {
  /// What the process that reads a stranger's HDF5 file answers, and what it is asked.
  ///
  /// The first byte says what was asked for, the rest is the answer as it comes from the socket.
  static let child = FuzzTarget("child") { input in
    guard let kind = input.first else { return }
    var reply = Reply(bytes: input.dropFirst())
    let bounds = HDF5FileBounds(byteCount: 1 << 20, readsVirtual: kind & 0x80 != 0)
    func message() throws -> HDF5MessageReader {
      HDF5MessageReader(try HDF5Reply.message(limit: 1 << 20) { try reply.fill($0) })
    }
    switch kind & 0x7F {
    case 1:
      var reader = try message()
      _ = try reader.listing(levels: 4, attributes: 2, in: bounds)
      try reader.finish()
    case 2:
      var reader = try message()
      _ = try reader.dataset(in: bounds)
      try reader.finish()
    case 3:
      var reader = try message()
      _ = try reader.optional { try $0.list { try $0.integer() } }
      try reader.finish()
    case 4:
      try Storage(uninitialized: 96) { buffer in
        try HDF5Reply.fill(buffer) { try reply.fill($0) }
      }
      .withUnsafeBytes { _ = Array($0) }
    default:
      let request = try HDF5Request(Array(input.dropFirst()))
      _ = request.operation
      // As many elements as open files of a mebibyte can have.
      if case .check(let tensor, let dtype, let shape) = request,
        shape.elementCount * dtype.byteCount <= 1 << 20
      {
        _ = tensor.fault(for: shape)
      }
    }
  }

  private struct Reply {
    var bytes: ArraySlice<UInt8>

    mutating func fill(_ buffer: UnsafeMutableRawBufferPointer) throws {
      guard buffer.count <= bytes.count else { throw HDF5Error.closed }
      buffer.copyBytes(from: bytes.prefix(buffer.count))
      bytes = bytes.dropFirst(buffer.count)
    }
  }

  /// An answer of each kind, and each request.
  static var childSeeds: [(name: String, bytes: [UInt8])] {
    get throws {
      typealias Mark = HDF5ListingMark
      let shape = try Shape([2, 3])
      func dataset(_ content: HDF5Dataset.Content) -> HDF5Dataset {
        HDF5Dataset(dtype: .float32, content: content)
      }
      let digest = HDF5Digest(figures: "{}", projection: [1, 2], sample: [0, 0, 128, 63])
      let datasets = [
        dataset(.stored(shape, .range(64..<88, isBigEndian: false))),
        dataset(.stored(shape, .range(64..<88, isBigEndian: true))),
        dataset(.stored(shape, .library)),
        dataset(.skipped(shape, reason: "large", digest: digest)),
      ]
      func framed(_ kind: UInt8, _ message: [UInt8]) -> [UInt8] {
        [kind] + HDF5Reply.header(HDF5Reply.part, byteCount: message.count) + message
          + HDF5Reply.header(HDF5Reply.end, byteCount: 0)
      }
      var seeds: [(name: String, bytes: [UInt8])] = []
      var listing = HDF5MessageWriter()
      listing.add(Mark.text)
      listing.add("cpu")
      listing.add(Mark.none)
      listing.add(Mark.links)
      listing.add(datasets.count + 3)
      for (place, dataset) in datasets.enumerated() {
        listing.add("x\(place)")
        listing.add(UInt64(place))
        listing.add(Mark.dataset)
        listing.add(dataset)
        var alone = HDF5MessageWriter()
        alone.add(dataset)
        seeds.append(("dataset\(place)", framed(0x82, alone.bytes)))
      }
      for (name, mark) in [("bad", Mark.badDataset), ("closed", Mark.closed)] {
        listing.add(name)
        listing.add(9 as UInt64)
        listing.add(mark)
        listing.add(HDF5Error.unknownType(name: name, found: "enum"))
      }
      listing.add("group")
      listing.add(10 as UInt64)
      listing.add(Mark.group)
      listing.add(Mark.failure)
      listing.add(HDF5Error.library(operation: "read", causes: ["a", "b"]))
      listing.add(Mark.none)
      listing.add(Mark.links)
      listing.add(1)
      listing.add("deep")
      listing.add(11 as UInt64)
      listing.add(Mark.unknown)
      seeds.append(("listing", framed(1, listing.bytes)))
      var numbers = HDF5MessageWriter()
      numbers.add(optional: [1, -2]) { writer, values in
        writer.add(list: values) { $0.add($1) }
      }
      seeds.append(("numbers", framed(3, numbers.bytes)))
      seeds.append(("elements", framed(4, [UInt8](repeating: 1, count: 96))))
      var failure = HDF5MessageWriter()
      failure.add(HDF5Error.refusedStorage(name: "/x", reason: "external"))
      seeds.append(
        (
          "failure",
          [1] + HDF5Reply.header(HDF5Reply.failure, byteCount: failure.bytes.count) + failure.bytes
        ))
      let source = HDF5VirtualTensor.Source(
        file: "x.rank0.h5", names: ["step_0", "m"], shape: try Shape([2, 2]))
      let parts = HDF5VirtualTensor(
        sources: [source],
        slabs: [
          .init(source: 0, from: [0..<2, 0..<2], to: [0..<2, 0..<2]),
          .init(source: 0, from: [0..<2, 0..<1], to: [0..<2, 2..<3]),
        ])
      let requests: [HDF5Request] = [
        .open(name: "x.h5", byteCount: 9, folder: "/tmp"),
        .list(group: ["a"], levels: 2, attributes: ["device"]),
        .elements(["a", "x"], .float32, shape), .check(parts, .float32, shape),
      ]
      for (place, request) in requests.enumerated() {
        seeds.append(("request\(place)", [0] + request.message))
      }
      return seeds
    }
  }
}
